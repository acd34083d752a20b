"""The runner of checks: sandbox, context, what a check may do in one, and the verdict."""
