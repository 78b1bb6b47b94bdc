"""How long an adapter waits for what. Milliseconds; tests hand in shorter ones."""

import msgspec


class Timing(msgspec.Struct, frozen=True):
    """Waits and periods of one connection, in milliseconds.

    `order_ms`: for the answer to an order, before it is in doubt. `connect_ms`: for a socket and TLS; it is
    shorter than the others, so that a connection that never came about is told from an answer that did not.
    `heartbeat_ms`: between our own pings on a feed; a pong may take half of it. `feed_silence_ms`: a feed
    with books subscribed that says nothing for this long is down. `degraded_probe_ms`: between reads while a
    feed is down: an account that nobody trades on must not pass for one that could be. `probe_ms`: between
    reads of a connection that has no feed at all. `stop_ms`: for requests in flight when the connection is
    stopped.
    """

    order_ms: int = 5000
    read_ms: int = 5000
    connect_ms: int = 2000
    heartbeat_ms: int = 5000
    feed_silence_ms: int = 5000
    acknowledge_ms: int = 5000
    resubscribe_ms: int = 5000
    backoff_ms_min: int = 100
    backoff_ms_max: int = 10_000
    products_ms: int = 600_000
    degraded_probe_ms: int = 1000
    probe_ms: int = 30_000
    stop_ms: int = 2000
