# SPDX-License-Identifier: Apache-2.0
"""What a parser under fuzz is: a function of bytes, the errors that it may raise, its seeds.

A target's function turns the bytes into the parser's arguments, calls it, and looks at what came
out where that can be wrong as well. Inputs of more than one part are written with `join` and
taken apart with `split`, so that mutations move the borders too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

T = TypeVar("T")

MAX_INPUT_BYTES: Final = 2048
"""Short inputs are tried by the thousand a second; what is beyond a limit is written by hand."""

_SEPARATOR: Final = b"\n--\n"


@dataclass(frozen=True, slots=True)
class Target:
    """One parser: what is not one of `errors` and leaves `parse` is a fault.

    `parser` names the functions whose branches are counted, as `module:name`; a name that ends
    with a dot stands for all methods of that class, an empty one for the whole module. `inputs`
    is how many thousand inputs the long run tries, `quick` how many the half minute does. `large`
    inputs go beyond the parser's limits: they are tried as they are, for each takes milliseconds.
    """

    name: str
    parse: Callable[[bytes], None]
    errors: tuple[type[Exception], ...]
    parser: tuple[str, ...]
    seeds: tuple[bytes, ...]
    inputs: int
    quick: int
    words: tuple[bytes, ...] = ()
    large: tuple[bytes, ...] = ()

    @property
    def written(self) -> tuple[bytes, ...]:
        """The inputs that are written in the code."""
        return (*self.seeds, *self.large)


def attempt(target: Target, data: bytes) -> bool:
    """Feed one input; whether the parser took it. Raises whatever it must not raise."""
    try:
        target.parse(data)
    except target.errors:
        return False
    return True


def join(*parts: bytes) -> bytes:
    """An input of several parts."""
    return _SEPARATOR.join(parts)


def split(data: bytes, count: int) -> list[bytes]:
    """The parts of an input, always `count` of them; what is missing is empty."""
    parts = data.split(_SEPARATOR, count - 1)
    return parts + [b""] * (count - len(parts))


def text(data: bytes) -> str:
    """Bytes as the text of a WebSocket frame, which is UTF-8 for certain."""
    return data.decode("utf-8", "replace")


def header(data: bytes) -> str:
    """Bytes as aiohttp gives the value of a header: bytes that are not UTF-8 as lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop of all targets: it runs while one of them waits for something, and only then."""
    return asyncio.new_event_loop()


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, on the loop of all targets."""
    return loop().run_until_complete(coroutine)
