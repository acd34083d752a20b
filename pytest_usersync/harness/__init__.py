"""Tools for an app's own tests: signups, queries and assertions on the test's database."""
