"""Probes of races: two sessions at once, and what they leave."""
