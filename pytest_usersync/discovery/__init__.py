"""Discovery of the sync under test: sign up, change one value, and watch."""
