"""What happens to a user afterwards reaches the profile and never blocks Auth."""
