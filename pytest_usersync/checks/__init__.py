"""The checks: one file for each promise, one folder for each chapter."""
