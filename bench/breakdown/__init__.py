"""Where an order's microseconds go: the real router, sampled by the processor time of its loop's thread."""
