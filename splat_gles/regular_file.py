# SPDX-License-Identifier: Apache-2.0
"""Opens files whose names come from outside: never waits, never reads without end.

What is named may be a FIFO, whose open() waits for a writer, or a device, which has no end. That
is an OSError with words in `strerror`. driving_client, which this package must not import, has the
same for everything that is not an avatar.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """The file, open for reading; raises OSError if it is not regular or cannot be read."""
    try:
        file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 – the caller closes it
    except ValueError as error:  # a NUL, or half a surrogate pair
        told = "a file name cannot contain such characters"
        raise OSError(errno.EINVAL, told, str(path)) from error
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "not a regular file; name a file", str(path))


def read_regular(path: Path, most: int) -> bytes:
    """What the file holds, at most `most` bytes; raises OSError, also where it holds more."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than the {most:,} bytes allowed", str(path))
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
