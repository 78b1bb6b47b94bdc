"""`load`: the command that loads a router in staging, what it shows while it runs, and its tables."""
