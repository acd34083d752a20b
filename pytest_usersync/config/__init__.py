"""Options: what they are, what the user gave for each, and the settings of a run."""
