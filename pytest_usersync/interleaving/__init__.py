"""Races: sessions that act at the same time, in every order that can make a difference."""
