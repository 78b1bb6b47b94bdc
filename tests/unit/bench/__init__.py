"""The bench's pure parts: figures, budgets, the search for a rate, stages of a profile, charts, files."""
