"""Sessions with roles, access tokens, and commits that stay inside a larger transaction."""
