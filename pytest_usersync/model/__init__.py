"""Values that every other room uses: findings, policies, settings, the sync, errors."""
