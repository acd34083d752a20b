"""Probes of security: reading, forging, hijacking, and SQL that prevents it."""
