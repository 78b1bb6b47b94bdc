"""Benchmarks: ratios against floors that do the same and nothing else, in one run."""
