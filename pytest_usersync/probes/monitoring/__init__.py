"""Probes of the monitoring: faults, and what the project reports for each of them."""
