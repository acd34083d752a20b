"""Prove that every user of ``auth.users`` has the profile your trigger promises."""
