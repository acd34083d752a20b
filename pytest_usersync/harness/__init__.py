"""What an app's own tests ask for: signups, queries and assertions on a database of the test."""
