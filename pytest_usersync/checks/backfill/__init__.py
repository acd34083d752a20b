"""Giving their profile to users who have none."""
