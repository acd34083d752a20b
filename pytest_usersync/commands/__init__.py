"""Options that print an answer and run no test."""
