"""A counterparty that costs next to nothing: BitGo's wire, and a few of Kraken's paths, from bytes at hand.

It is no simulator: it refuses nothing and reads of a request only what its answer repeats. What a bench
measures is then the router, or the floor, and not the counterparty. It runs in the driver's process; who is
measured has a core of its own.
"""

from bench.stub.server import Stub
from bench.stub.wire import BASE, LEVELS, PRODUCT, QUOTE, account_id

__all__ = ["BASE", "LEVELS", "PRODUCT", "QUOTE", "Stub", "account_id"]
