"""Probes that the checks of one chapter share, and remedies that several chapters write."""
