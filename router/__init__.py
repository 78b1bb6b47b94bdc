"""caas-router: counterparties compete on price for an order, and exactly one order goes out."""
