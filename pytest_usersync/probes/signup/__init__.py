"""What the checks of signups share: odd metadata, who comes second, what refuses."""
