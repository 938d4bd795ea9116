# SPDX-License-Identifier: Apache-2.0
"""Mesa's cache of compiled shaders, made safe for a full disk before a context is opened.

Mesa maps the cache's index, which it makes with holes: 1.3 MB of which no block exists yet.
Writing to one on a full disk raises SIGBUS, which ends the process (measured with Mesa 22.3 on a
full tmpfs). So its blocks are allocated here, where a full disk is an error and not a signal;
then the disk may fill at any later time, as the entries are written as files and simply fail.
Where the index cannot be had, or little else would be left, there is no cache: shaders are then
compiled at every start. Nothing else that this process maps is a file that it writes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

_INDEX_BYTES: Final = 8 + 65536 * 20
"""Mesa's: a size and 65,536 keys of 20 bytes, since its first version of 2015."""
SPARE_BYTES: Final = 4 << 20
"""Left free for whoever else writes there."""
_FOLDERS: Final = ("MESA_SHADER_CACHE_DIR", "MESA_GLSL_CACHE_DIR", "XDG_CACHE_HOME")
_SWITCHES: Final = ("MESA_SHADER_CACHE_DISABLE", "MESA_GLSL_CACHE_DISABLE")
"""The second of both lists is what Mesa before 22 calls the first."""


def secure_shader_cache(environment: MutableMapping[str, str]) -> None:
    """Allocate the index, or switch the cache off, in the environment that Mesa will see."""
    if any(environment.get(name) for name in _SWITCHES):
        return
    folder = next((environment[name] for name in _FOLDERS if environment.get(name)), "")
    try:
        if not folder:
            # Mesa would ask the user database for the home, which is not the service's
            folder = str(Path(environment["HOME"]) / ".cache")
            environment["XDG_CACHE_HOME"] = folder
        _allocate(Path(folder) / "mesa_shader_cache")
    except (OSError, KeyError, ValueError) as error:
        logger.warning(
            "no cache of shaders, they are compiled at every start: %s",
            "no HOME" if isinstance(error, KeyError) else error,
            extra={"code": "shader_cache_off"},
        )
        environment.update(dict.fromkeys(_SWITCHES, "true"))


def _allocate(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    usage = os.statvfs(folder)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    handle = os.open(folder / "index", flags, 0o644)
    try:
        missing = max(0, _INDEX_BYTES - os.fstat(handle).st_blocks * 512)
        if usage.f_bavail * usage.f_frsize < missing + SPARE_BYTES:
            raise OSError(f"{folder} has less than {SPARE_BYTES >> 20} MiB to spare")
        os.posix_fallocate(handle, 0, _INDEX_BYTES)
    finally:
        os.close(handle)
