# SPDX-License-Identifier: Apache-2.0
"""Opens files whose names come from outside: never waits, never reads without end.

A name in a configuration, on a command line or on a stick may be that of a FIFO, whose open()
waits for a writer, of a device, which has no end, or of nothing that can be a name. What is wrong
is an OSError with words in `strerror`, so that code that handles a missing file handles these too.
splat_gles, which must not import this package, has the same for avatars.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NULL: Final = os.makedev(1, 3)
"""/dev/null is how people name an empty file."""
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path | str) -> BinaryIO:
    """The file, open for reading; raises OSError if it is not regular or cannot be read."""
    try:
        handle = os.open(path, _FLAGS)
    except ValueError as error:  # also of a surrogate that no file name holds
        told = "a file name cannot contain such characters"
        raise OSError(errno.EINVAL, told, str(path)) from error
    except OSError as error:
        if error.errno != errno.ENXIO:  # a socket, or a device without hardware
            raise
        raise OSError(errno.ENXIO, "not a regular file; name a file", str(path)) from error
    try:
        found = os.fstat(handle)
        mode = found.st_mode
        if not stat.S_ISREG(mode) and not (stat.S_ISCHR(mode) and found.st_rdev == _NULL):
            kind = next((word for is_kind, word in _KINDS if is_kind(mode)), "no file")
            raise OSError(errno.EINVAL, f"it is {kind}; name a regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path | str, most: int) -> bytes:
    """What the file holds, at most `most` bytes; raises OSError, also where it holds more."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        told = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"
        raise OSError(errno.EFBIG, f"larger than the {told} allowed", str(path))
    return content
