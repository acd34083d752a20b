"""A project judged at every one of its migrations."""
