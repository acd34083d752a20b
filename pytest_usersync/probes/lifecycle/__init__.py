"""Probes of changes: edits, changes, deletions, and what they leave behind."""
