"""Where a check acts: its stage, its trials, what may be done in one, and the verdict."""
