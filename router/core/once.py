"""What is reckoned from a frozen struct's fields once, when it is first asked for, and then only read."""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class Once(Generic[S, T]):
    """A property that is computed once an instance; the struct is made with `dict=True`.

    The value stands beside the fields: it is not encoded, not compared, and not carried over by `replace`.
    `functools.cached_property` does the same and takes a lock in Python 3.11, three times the price.
    """

    def __init__(self, compute: Callable[[S], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: S, owner: type[S]) -> T:
        """Compute and keep; from then on the instance's own dictionary answers before this is asked."""
        value = self._compute(instance)
        instance.__dict__[self._name] = value
        return value
