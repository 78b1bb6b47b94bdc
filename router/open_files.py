"""How many files and sockets this process may have open: each caller and each send needs one."""

import contextlib
import resource
from typing import Final

WANTED: Final = 65_536
"""As many as `server.in_flight_max` allows at most."""


def allow_many() -> None:
    """Raise the limit as far as the system lets a process do it itself, to `WANTED`; never lower it.

    What a shell gives is often 1,024: a burst of callers would be turned away by the kernel. A system that
    does not let it be raised keeps what it has.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
