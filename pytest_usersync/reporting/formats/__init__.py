"""Formats of the report for other programs: each is made from the report document alone."""
