"""Runs what the core decides: competitions, sends, look-ups of orders in doubt, recovery."""
