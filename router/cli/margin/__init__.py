"""`caas-router margin`."""
