"""What the checks of security share: reading, forging, hijacking, and SQL that bars it."""
