# SPDX-License-Identifier: Apache-2.0
"""Every parser that the network reaches takes any bytes: half a minute of `make fuzz`.

First the corpus, which reaches every branch, then inputs made from it by chance: a count of them,
not a time, so that a busy machine tries the same ones. In continuous integration they are the same
in every run.
"""

from __future__ import annotations

import importlib
import logging
import os
import random
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter

import pytest

from fuzzing.corpus import CORPUS, kept, write_fault
from fuzzing.mutation import mutations
from fuzzing.target import Target, attempt, join
from fuzzing.targets import TARGETS, chosen

CORPUS_LIMIT = 1_000_000
SEED = 1 if os.environ.get("CI") else random.randrange(2**31)


@pytest.fixture(autouse=True)
def _unheard() -> Iterator[None]:
    """What is refused is logged, a hundred thousand times."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def feed(target: Target, data: bytes) -> bool:
    try:
        return attempt(target, data)
    except Exception as error:
        file = write_fault(target, data)
        error.add_note(f"try it again with scripts/fuzz.py {target.name} --input {file}")
        raise


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_of_the_corpus_fails_a_parser(target: Target) -> None:
    results = [feed(target, data) for data in (*kept(target), *target.large)]
    assert any(results) or target.errors, "an input that is taken is there, too"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_made_by_chance_fails_a_parser(target: Target) -> None:
    for data in islice(mutations(kept(target), target.words, SEED), target.quick):
        feed(target, data)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_a_target_counts_the_branches_of_is_there(target: Target) -> None:
    for name in target.parser:
        module, _, inside = name.partition(":")
        found = importlib.import_module(module)
        assert not inside or attrgetter(inside.rstrip("."))(found), name


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    folders = {path.name for path in CORPUS.iterdir()}
    assert folders <= {target.name for target in TARGETS}
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < CORPUS_LIMIT


def test_the_same_seed_makes_the_same_inputs() -> None:
    one, again, other = (
        list(islice(mutations([b"abc", b"{}"], [b"word"], seed), 200)) for seed in (1, 1, 2)
    )
    assert one == again != other
    assert len(set(one)) > 150


@pytest.mark.parametrize("around", [b"%s", b'{"message": %s}', b'{"error": %s}'])
def test_what_can_just_be_read_is_nested_too_deeply_for_nobody(around: bytes) -> None:
    """Writing JSON takes a few calls more than reading it: at one depth only the first works."""
    (target,) = chosen(["say_answer"])
    for depth in range(800, 1000):
        for status in (b"\0", b"\xc8"):
            feed(target, join(status, b"", around % (b"[" * depth + b"]" * depth)))
