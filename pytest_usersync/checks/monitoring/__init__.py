"""Monitoring tells the truth, to those who should hear it."""
