"""What happened, for whoever follows it: a ring of the latest events, and a bounded queue for each follower.

Publishing never waits, and where nobody follows it is a slot of the ring and no more: the ring keeps the
records themselves, frozen as they are, each event's number is told by its place, and nothing is made or
encoded unless somebody reads it. A follower that does not keep up is cut off, and told.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

import msgspec

from router.core.moving import Operation
from router.core.order import Order
from router.core.record import CompetitionRecord
from router.ports import ForeignOrder, Health

RING_LENGTH: Final = 4096
"""Events that are kept for followers who come back: an order makes about five."""
QUEUE_LENGTH: Final = 1024
"""Events that may wait for one follower."""
FOLLOWERS_MAX: Final = 100


class Kind(enum.StrEnum):
    """What an event is about."""

    ORDER = "order"
    COMPETITION = "competition"
    CONNECTION = "connection"
    OPERATION = "operation"
    """A move of margin money."""
    FOREIGN_ORDER = "foreign_order"
    """An order on one of the accounts that this router did not send."""


class ConnectionChange(msgspec.Struct, frozen=True):
    """A connection's state is another than before."""

    connection_id: str
    health: Health


class ForeignReport(msgspec.Struct, frozen=True):
    """What a counterparty said of an order that this router did not send."""

    connection_id: str
    order: ForeignOrder


Subject = Order | CompetitionRecord | ConnectionChange | Operation | ForeignReport

_KINDS: Final[dict[type, Kind]] = {
    Order: Kind.ORDER,
    CompetitionRecord: Kind.COMPETITION,
    ConnectionChange: Kind.CONNECTION,
    Operation: Kind.OPERATION,
    ForeignReport: Kind.FOREIGN_ORDER,
}


class Published(msgspec.Struct):
    """One event. `encoded` is what a reader made of it, kept so that it is made once for all."""

    number: int
    kind: Kind
    order_id: str | None
    subject: Subject
    encoded: bytes | None = None


class TooManyFollowersError(Exception):
    """No more can follow now."""


class EventBus:
    """The events of one process. `epoch` names the process: numbers of another one mean nothing here."""

    def __init__(
        self,
        epoch: str = "0",
        *,
        ring_length: int = RING_LENGTH,
        queue_length: int = QUEUE_LENGTH,
        followers_max: int = FOLLOWERS_MAX,
    ) -> None:
        self.epoch = epoch
        self.number = 0
        """Of the latest event; the first one is 1."""
        self._ring: deque[Subject] = deque(maxlen=ring_length)
        self._followers: set[Follower] = set()
        self._queue_length = queue_length
        self._followers_max = followers_max
        self._closed = False

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    def publish(self, subject: Subject) -> None:
        """Publish an order or a move as it stands, or a competition that was decided or ranked."""
        self.number += 1
        self._ring.append(subject)
        if self._followers:
            self._tell(subject)

    def connection(self, connection_id: str, health: Health) -> None:
        """Publish a connection's new state."""
        self.publish(ConnectionChange(connection_id, health))

    def foreign_order(self, connection_id: str, order: ForeignOrder) -> None:
        """Publish what was said of an order that is not ours."""
        self.publish(ForeignReport(connection_id, order))

    def id_of(self, number: int) -> str:
        """An event's id, which a follower comes back with."""
        return f"{self.epoch}-{number}"

    def follow(
        self, wanted: Callable[[Published], bool] = lambda _event: True, after: str | None = None
    ) -> "Follower":
        """Follow what happens from now on, or from after the event with the id `after`.

        Where what came after it is not known any more, the follower's `reset` is True and it begins now.
        Raises `TooManyFollowersError`.
        """
        if len(self._followers) >= self._followers_max:
            raise TooManyFollowersError
        missed = [] if after is None else self._since(after)
        follower = Follower(self, wanted, self._queue_length, self.number, reset=missed is None)
        for event in missed or ():
            follower.catch_up(event)
        if self._closed:
            follower.end()
        else:
            self._followers.add(follower)
        return follower

    def leave(self, follower: "Follower") -> None:
        """Follow no more."""
        self._followers.discard(follower)

    def close(self) -> None:
        """End all followers: the process stops."""
        self._closed = True
        followers, self._followers = self._followers, set()
        for follower in followers:
            follower.end()

    def _tell(self, subject: Subject) -> None:
        """Offer the latest event to who follows; who does not keep up is let go."""
        event = _published(self.number, subject)
        for follower in [each for each in self._followers if not each.offer(event)]:
            self._followers.discard(follower)

    def _since(self, after: str) -> list[Published] | None:
        """The events after an id; None where one of them may be gone, or the id is none of this process."""
        epoch, _, text = after.rpartition("-")
        if epoch != self.epoch or not (text.isascii() and text.isdigit() and len(text) <= 18):
            return None
        missed = self.number - int(text)
        if missed < 0 or missed > len(self._ring):
            return None
        first = len(self._ring) - missed
        return [
            _published(self.number - missed + place, subject)
            for place, subject in enumerate(islice(self._ring, first, None), start=1)
        ]


def _published(number: int, subject: Subject) -> Published:
    order_id = None
    if isinstance(subject, Order):
        order_id = subject.id
    elif isinstance(subject, CompetitionRecord):
        order_id = subject.order_id
    return Published(number, _KINDS[type(subject)], order_id, subject)


class Follower:
    """One who follows. `reset`: events were missed that cannot be had any more; `began_at`: from where on."""

    def __init__(
        self,
        bus: EventBus,
        wanted: Callable[[Published], bool],
        length_max: int,
        began_at: int,
        *,
        reset: bool,
    ) -> None:
        self.reset = reset
        self.began_at = began_at
        self.overflowed = False
        self._bus = bus
        self._wanted = wanted
        self._length_max = length_max
        self._waiting: deque[Published] = deque()
        self._ended = False
        self._news = asyncio.Event()

    def catch_up(self, event: Published) -> None:
        """Take an event of the past: the ring bounds them."""
        if self._wanted(event):
            self._waiting.append(event)
            self._news.set()

    def offer(self, event: Published) -> bool:
        """Take an event, if it is wanted; False, and the end, where too many wait already."""
        if not self._wanted(event):
            return True
        if len(self._waiting) >= self._length_max:
            self._waiting.clear()
            self.overflowed = True
            self.end()
            return False
        self._waiting.append(event)
        self._news.set()
        return True

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._news.set()

    async def next(self) -> list[Published] | None:
        """What has come, as soon as there is something; None at the end."""
        await self._news.wait()
        waiting, self._waiting = self._waiting, deque()
        if not self._ended:
            self._news.clear()
        return list(waiting) or (None if self._ended else [])

    def close(self) -> None:
        """Follow no more."""
        self._bus.leave(self)
