"""`caas-router report`."""
