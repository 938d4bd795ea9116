# SPDX-License-Identifier: Apache-2.0
"""Which endpoints have worked once, kept over restarts in the state directory.

Implements `driving_client.link.session_record.SessionRecord`: a kiosk that has worked for months
and is started again while its endpoint's proxy says 404 must not take that for a mistake in
its configuration. The file holds hashes, no addresses. A damaged or missing one means that
nothing has worked, a medium that cannot be written that nothing is remembered: neither stops
anything.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Final

from kioskd.durable_files import DiskFiles, Files, opened, replace

logger = logging.getLogger(__name__)

FILE_NAME: Final = "known_endpoints.json"
MOST: Final = 32
"""The ones that worked last; a kiosk sees a handful in its life."""

_MAX_BYTES: Final = 16 * 1024
_KEY_LENGTH: Final = 64


class KnownEndpoints:
    """Keys of endpoints that have worked, the latest last; without a folder in memory alone."""

    def __init__(self, folder: Path | None, files: Files | None = None) -> None:
        self._file = None if folder is None else folder / FILE_NAME
        self._files = files or DiskFiles()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._keys = {} if self._file is None else dict.fromkeys(_read(self._file))
        self._saved = True

    def has_worked(self, key: str) -> bool:
        """See SessionRecord."""
        with self._lock:
            return key in self._keys

    def note(self, key: str) -> None:
        """See SessionRecord. Written on a thread of its own: a medium may take seconds."""
        with self._lock:
            if self._saved and next(reversed(self._keys), None) == key:
                return
            self._keys.pop(key, None)
            self._keys[key] = None
            while len(self._keys) > MOST:
                del self._keys[next(iter(self._keys))]
            self._saved = self._file is None
        if not self._saved:
            threading.Thread(target=self.write, name="known_endpoints", daemon=True).start()

    def write(self) -> None:
        """Write what is known, whole or not at all whenever the power goes."""
        assert self._file is not None
        with self._writing:  # a lock of its own: the link must not wait for the medium
            with self._lock:
                if self._saved:
                    return
                content = json.dumps([*self._keys]).encode()
                self._saved = True
            try:
                replace(self._files, self._file, content)
            except OSError as error:
                with self._lock:
                    self._saved = False
                logger.warning(
                    "%s cannot be written (%s): after a restart the kiosk will not know that this "
                    "endpoint has worked",
                    self._file,
                    error.strerror,
                    extra={"code": "known_endpoints_not_kept"},
                )


def _read(file: Path) -> list[str]:
    try:
        # Not blocking: what lies there may be a FIFO
        with opened(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW) as handle:
            content = os.read(handle, _MAX_BYTES)
        keys = json.loads(content)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list):
        logger.warning(
            "%s is damaged; no endpoint counts as known", file, extra={"code": "state_damaged"}
        )
        return []
    return [key for key in keys if isinstance(key, str) and len(key) == _KEY_LENGTH][-MOST:]
