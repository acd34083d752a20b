"""Probes of a backfill: runs, pauses and what they leave."""
