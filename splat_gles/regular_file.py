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
from typing import BinaryIO, Final

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_regular(path: Path) -> BinaryIO:
    """The file, open for reading; raises OSError where it is none or cannot be read."""
    try:
        handle = os.open(path, _FLAGS)
    except ValueError as error:  # a NUL, or half a surrogate pair
        raise OSError(errno.EINVAL, "no file name holds such characters", str(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file; name a file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """What the file holds, at most `most` bytes; raises OSError, also where it holds more."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes, which is the most", str(path))
    return content
