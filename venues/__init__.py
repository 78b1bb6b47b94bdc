"""Counterparties: one folder each, and the simulator that plays them."""
