"""The demonstration: simulated accounts and the router as processes, and what a desk sees of them.

Everything goes over HTTP on loopback, as in production; the simulator's control endpoint is used to set the
stage (books, faults) and to look up afterwards what really arrived there.
"""
