"""No signup, and nobody who signs up, gets more than is theirs."""
