"""`python -m tests.kill.failing_flush serve …`: the router, on whose SIGUSR1 every flush to disk fails.

The kernel itself refuses `fsync` and `fdatasync` with EIO, by a seccomp filter that the process puts on all
its threads: no privilege, no compiler and no other program is needed, and nothing of the router is changed.
"""

import ctypes
import errno
import platform
import signal
import struct
import sys
from typing import Final

from router.cli.app import main

# <asm/unistd.h> and <linux/audit.h>: the architecture's token, then seccomp, fsync and fdatasync.
_NUMBERS: Final = {
    "x86_64": (0xC000003E, 317, 74, 75),
    "aarch64": (0xC00000B7, 277, 82, 83),
}
# <linux/bpf_common.h>: load a word, jump if it equals, return.
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
# <linux/seccomp.h>, <linux/prctl.h>
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000 | errno.EIO
_SET_MODE_FILTER, _ALL_THREADS, _NO_NEW_PRIVILEGES = 1, 1, 38


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def fail_flushes(*_: object) -> None:
    """From now on no flush of this process succeeds."""
    architecture, seccomp, fsync, fdatasync = _NUMBERS[platform.machine()]
    lines = (
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 0, 3, architecture),
        (_LOAD, 0, 0, 0),
        (_JUMP_EQUAL, 2, 0, fsync),
        (_JUMP_EQUAL, 1, 0, fdatasync),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FAIL),
    )
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    libc = ctypes.CDLL(None, use_errno=True)
    refused = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(
        seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(_Program(len(lines), program))
    )
    if refused:
        raise OSError(ctypes.get_errno(), "expected the kernel to take a filter of system calls")
    sys.stderr.write('{"event": "flushes_fail"}\n')
    sys.stderr.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, fail_flushes)
    sys.exit(main())
