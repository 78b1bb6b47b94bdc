"""The smallest programs that take an order, get prices and send it on, and do nothing else."""
