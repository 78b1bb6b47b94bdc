"""Properties are drawn from a fixed seed, so that a run says the same everywhere and every time."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("fixed")
