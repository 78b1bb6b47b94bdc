"""Exit codes: what a script may rely on after a command of the desk."""

import enum


class Exit(enum.IntEnum):
    """How a command ended."""

    DONE = 0
    """Done: filled (also in part), working as asked, quoted, shown."""
    REFUSED = 1
    """Refused, or ended without anything traded."""
    USAGE = 2
    """The command line or a setting is wrong; nothing was asked of the router."""
    UNKNOWN = 3
    """The outcome is not known yet; look again, nothing is to be sent anew."""
    UNREACHABLE = 4
    """The router did not answer, and nothing was traded by this command."""


HELP = """Exit codes: 0 done (filled, working, quoted, shown) · 1 refused, or nothing traded · 2 wrong \
usage or settings · 3 the outcome is not known yet: look again with `orders show` · 4 the router \
cannot be reached."""
