"""Races: every promise holds under every interleaving."""
