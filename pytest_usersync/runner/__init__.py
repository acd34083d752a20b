"""Where a check acts: its sandbox, its contexts, what may be done in one, and the verdict."""
