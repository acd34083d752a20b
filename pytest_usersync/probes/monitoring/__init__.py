"""What the checks of the monitoring share: faults, and what the project says in each of them."""
