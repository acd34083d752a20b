"""Checks of changes: what happens to a user reaches the profile and never blocks Auth."""
