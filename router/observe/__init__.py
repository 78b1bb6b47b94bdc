"""Domain events, one function each: it logs and it counts."""
