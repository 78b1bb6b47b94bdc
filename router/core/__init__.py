"""What decides: no await, no clock, no randomness, no logging.

Time comes in as `now`, nanoseconds since the epoch; amounts are `Decimal`; the standard library and msgspec
are all that it stands on. `docs/ARCHITECTURE.md` tells the order to read the modules in.
"""
