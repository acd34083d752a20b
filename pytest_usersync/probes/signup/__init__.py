"""Probes of signups: odd metadata, the second of two users, refusals."""
