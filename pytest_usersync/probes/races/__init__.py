"""What the checks of races share: two sessions at once, and what comes of it."""
