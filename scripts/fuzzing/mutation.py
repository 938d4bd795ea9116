# SPDX-License-Identifier: Apache-2.0
"""Inputs made from other inputs by chance, the same ones for the same seed.

For the half minute in `make test`, which must need nothing but Python. It does not see what an
input reaches, as atheris does: the corpus, which was found with it, stands in for that.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fuzzing.target import MAX_INPUT_BYTES

_MOST_STEPS: Final = 4
_NUMBERS: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000,
                   0xFFFFFFFF)  # fmt: skip
_WORDS: Final = (b"", b"\n", b"\0", b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"true",
                 b"-1", b"1e999", b"NaN", b"9" * 400, b'"\\ud800"', b"[]", b"{}", b"\xff\xfe",
                 b"[" * 1000)  # fmt: skip


def mutations(corpus: Sequence[bytes], words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Inputs without end, each made of one or two of the corpus in a few random steps."""
    chance = random.Random(seed)
    every_word = (*_WORDS, *words)
    while True:
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.randint(1, _MOST_STEPS)):
            chance.choice(_STEPS)(chance, data, corpus, every_word)
        yield bytes(data[:MAX_INPUT_BYTES])


Step = Callable[[random.Random, bytearray, Sequence[bytes], Sequence[bytes]], None]


def _place(chance: random.Random, data: bytearray) -> int:
    return chance.randint(0, len(data))


def _span(chance: random.Random, data: bytearray) -> slice:
    start = _place(chance, data)
    return slice(start, start + chance.choice((1, 2, 4, 8, 32, 256)))


def _flip_a_bit(chance: random.Random, data: bytearray, *_: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set_a_byte(chance: random.Random, data: bytearray, *_: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _write_a_number(chance: random.Random, data: bytearray, *_: Sequence[bytes]) -> None:
    number, size = chance.choice(_NUMBERS), chance.choice((1, 2, 4))
    written = (number & (1 << 8 * size) - 1).to_bytes(size, chance.choice(("little", "big")))
    start = _place(chance, data)
    data[start : start + size] = written


def _remove(chance: random.Random, data: bytearray, *_: Sequence[bytes]) -> None:
    del data[_span(chance, data)]


def _repeat(chance: random.Random, data: bytearray, *_: Sequence[bytes]) -> None:
    piece = data[_span(chance, data)]
    start = _place(chance, data)
    data[start:start] = piece * chance.choice((1, 1, 2, 16))


def _cut(chance: random.Random, data: bytearray, *_: Sequence[bytes]) -> None:
    del data[_place(chance, data) :]


def _splice(
    chance: random.Random, data: bytearray, corpus: Sequence[bytes], _: Sequence[bytes]
) -> None:
    other = chance.choice(corpus)
    data[_place(chance, data) :] = other[chance.randint(0, len(other)) :]


def _write_a_word(
    chance: random.Random, data: bytearray, _: Sequence[bytes], words: Sequence[bytes]
) -> None:
    start = _place(chance, data)
    data[start : start + chance.choice((0, 0, 1, 4))] = chance.choice(words)


_STEPS: Final[tuple[Step, ...]] = (
    _flip_a_bit, _set_a_byte, _write_a_number, _remove, _repeat, _cut, _splice, _write_a_word,
)  # fmt: skip
