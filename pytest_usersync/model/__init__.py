"""Values that every other part of the package speaks of: findings, policies, settings, the sync."""
