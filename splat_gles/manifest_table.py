# SPDX-License-Identifier: Apache-2.0
"""Reading a JSON object key by key, with types and bounds checked.

Every fault becomes a BundleError that names the file, the key, what stands there and what is
allowed. Texts must be printable: they end in terminals and logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from splat_gles.errors import BundleError

MAX_TEXT = 400


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


class Table:
    """One JSON object; `where` is the file, `path` the way to the object inside of it."""

    def __init__(self, value: Any, where: str, path: str) -> None:
        self._where, self._path = where, path
        if not isinstance(value, dict):
            raise BundleError(f"{where}: {path} should be an object")
        self._value: dict[str, Any] = value

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys in the order of the document."""
        return tuple(self._value)

    def wrong(self, key: str, allowed: str) -> BundleError:
        """The error for a key whose value is not allowed."""
        return BundleError(
            f"{self._where}: {self._path}: {key} is {str(self._value.get(key))[:60]!r}, "
            f"allowed: {allowed}"
        )

    def raw(self, key: str) -> Any:
        """Value of a key that must be there, of any type."""
        if key not in self._value:
            raise BundleError(f"{self._where}: {self._path}: {key} is missing")
        return self._value[key]

    def text(self, key: str) -> str:
        """A printable text, not empty."""
        value = self.raw(key)
        if not _is_text(value):
            raise self.wrong(key, f"a text of 1 to {MAX_TEXT} printable characters")
        return value

    def texts(self, key: str, most: int) -> list[str]:
        """A list of at most `most` printable texts."""
        value = self.raw(key)
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(key, f"a list of at most {most} texts")
        if not all(_is_text(item) for item in value):
            raise self.wrong(key, f"texts of 1 to {MAX_TEXT} printable characters")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed texts."""
        value = self.text(key)
        if value not in allowed:
            raise self.wrong(key, ", ".join(allowed))
        return value

    def whole(self, key: str, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.raw(key)
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(key, f"a whole number from {least} to {most}")
        return value

    def number(self, key: str, least: float, most: float) -> float:
        """A finite number within bounds."""
        value = self.raw(key)
        if type(value) not in (int, float) or not least <= value <= most:
            raise self.wrong(key, f"a number from {least:g} to {most:g}")
        return float(value)

    def numbers(self, key: str) -> tuple[float, ...]:
        """At most 16 finite numbers."""
        value = self.raw(key)
        good = isinstance(value, list) and len(value) <= 16
        if not good or not all(type(x) in (int, float) and -1e6 <= x <= 1e6 for x in value):
            raise self.wrong(key, "a short list of finite numbers")
        return tuple(float(x) for x in value)

    def point(self, key: str) -> tuple[float, float, float]:
        """Three finite numbers, in metres."""
        value = self.numbers(key)
        if len(value) != 3:
            raise self.wrong(key, "three numbers in metres")
        return value[0], value[1], value[2]

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.raw(key)
        if type(value) is not bool:
            raise self.wrong(key, "true or false")
        return value

    def table(self, key: str) -> Table:
        """The object under a key."""
        return Table(self.raw(key), self._where, f"{self._path}: {key}")

    def tables(self, key: str, most: int) -> list[Table]:
        """The objects in a list of at most `most`."""
        value = self.raw(key)
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(key, f"a list of at most {most} objects")
        return [
            Table(item, self._where, f"{self._path}: {key}[{index}]")
            for index, item in enumerate(value)
        ]

    def finish(self, known: Iterable[str]) -> None:
        """Refuse keys that are not known."""
        odd = sorted(set(self._value) - set(known))
        if odd:
            raise BundleError(f"{self._where}: {self._path}: unknown key {odd[0]!r}")
