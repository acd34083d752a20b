"""A refusal of the database: the line of the project behind it, its cause, and what to change."""
