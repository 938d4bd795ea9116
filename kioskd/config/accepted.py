# SPDX-License-Identifier: Apache-2.0
"""What the images of this board have accepted, so that none stops over another one's configuration.

After a fallback the older image meets keys and values that only the newer one knows; after an
update the newer one meets values that its bounds no longer take. Either was right when it was
written: a warning, and the kiosk runs. What no image has accepted is a mistake and stops the start.

Kept in the state directory; digests only, for an address may hold a password. A damaged or missing
file means that nothing was accepted, a medium that cannot be written that nothing is remembered.
Left out on purpose: rules between options, which have no nearest value.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from driving_client.regular_file import read_regular
from kioskd.config.options import Kind, Option, Value
from kioskd.config.versions import VERSION
from kioskd.durable_files import DiskFiles, Files, replace

logger = logging.getLogger(__name__)

FILE_NAME: Final = "accepted_config.json"
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: the configuration version of the image that took it last, and the value's digest."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The last configuration that was accepted: entries of sections and of `section.key`."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def unknown(self, key: str) -> Entry | None:
        """The entry of a key or section that this image's table lacks and a newer one had."""
        entry = self.entries.get(key)
        return entry if entry is not None and entry.version >= VERSION else None

    def value(self, key: str, value: object) -> Entry | None:
        """The entry of a key that had just this value; an image of any version may have had it."""
        entry = self.entries.get(key)
        if entry is None or not entry.digest or entry.digest != _digest(value):
            return None
        return entry

    def names(self, section: str) -> list[str]:
        """The names in a section that a newer image had, whether or not this one has them too."""
        keys = (key.partition(".") for key in self.entries if self.unknown(key))
        return [name for before, dot, name in keys if dot and before == section]

    def sections(self) -> list[str]:
        """The sections, likewise."""
        return [key for key in self.entries if "." not in key and self.unknown(key)]


NOTHING: Final = Accepted()


def taken(value: object = None) -> Entry:
    """The entry of what this image accepts; without a value that of a section."""
    return Entry(VERSION, _digest(value))


def in_its_place(row: Option, value: object) -> Value:
    """What is used for a value that another image accepted: the nearest one, else the default."""
    rule = row.rule
    if rule.minimum is None or rule.maximum is None:
        return row.default
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        return row.default  # the last is said of what is not a number
    nearest = min(max(value, rule.minimum), rule.maximum)
    return round(nearest) if rule.kind is Kind.INTEGER else float(nearest)


def read_accepted(folder: Path | None) -> Accepted:
    """What `folder` remembers; nothing without one."""
    if folder is None:
        return NOTHING
    try:
        told = json.loads(read_regular(folder / FILE_NAME, _MAX_BYTES))
        entries = {str(key): Entry(int(number), str(text)) for key, (number, text) in told.items()}
    except FileNotFoundError:
        return NOTHING
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        logger.warning(
            "%s cannot be read (%s): what other images accepted is not known",
            folder / FILE_NAME,
            error,
            extra={"code": "state_damaged"},
        )
        return NOTHING
    return Accepted(entries)


def keep_accepted(folder: Path | None, accepted: Accepted, files: Files | None = None) -> None:
    """Remember it, whole or not at all whenever the power goes; writes only what has changed."""
    if folder is None or read_accepted(folder) == accepted:
        return
    told = {key: (entry.version, entry.digest) for key, entry in accepted.entries.items()}
    try:
        replace(files or DiskFiles(), folder / FILE_NAME, json.dumps(told, indent=1).encode())
    except OSError as error:
        logger.warning(
            "%s cannot be written (%s): another image may stop over this configuration",
            folder / FILE_NAME,
            error.strerror,
            extra={"code": "accepted_config_not_kept"},
        )


def _digest(value: object) -> str:
    try:
        text = json.dumps(value, default=str)
    except ValueError:  # a number with more digits than Python writes
        return ""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
