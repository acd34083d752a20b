"""Maintenance of a project: backfill, monitoring and scripts, found and called."""
