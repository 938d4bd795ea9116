# SPDX-License-Identifier: Apache-2.0
"""Which branches of its parser an input takes, by coverage.py, and a corpus without the idle.

Branches are counted as coverage.py counts them: a line from which more than one line can follow
has as many branches. Those of the functions that a target names are its parser's, whole modules
are not: what opens sockets lies beside what reads their bytes.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import coverage
from coverage.python import PythonFileReporter

from fuzzing.corpus import ROOT
from fuzzing.target import Target, attempt

Arc = tuple[str, int, int]
_SOURCES: Final = [str(ROOT / "driving_client"), str(ROOT / "kioskd")]


@dataclass(frozen=True, slots=True)
class Reached:
    """A parser's branches: all of them, and those that were taken."""

    all: frozenset[Arc]
    taken: frozenset[Arc]

    @property
    def share(self) -> float:
        """Of 1; a parser without branches is reached whole."""
        return len(self.taken & self.all) / len(self.all) if self.all else 1.0

    @property
    def missing(self) -> list[str]:
        """The branches not taken, as file:line->line."""
        return [
            f"{Path(f).relative_to(ROOT)}:{a}->{b}" for f, a, b in sorted(self.all - self.taken)
        ]


def reached(target: Target, inputs: Iterable[bytes]) -> Reached:
    """What all the inputs together take."""
    return Reached(_branches(target), frozenset(_arcs(target, inputs)))


def smallest(target: Target, inputs: Iterable[bytes]) -> list[bytes]:
    """Few and short inputs that take every branch which all of them take."""
    wanted = _branches(target)
    left = set(reached(target, inputs := sorted(set(inputs), key=lambda d: (len(d), d))).taken)
    left &= wanted
    left -= _arcs(target, target.written)
    chosen = []
    for data in inputs:
        if not left:
            break
        if new := _arcs(target, [data]) & left:
            chosen.append(data)
            left -= new
    return chosen


def _arcs(target: Target, inputs: Iterable[bytes]) -> set[Arc]:
    """Every pair of lines that followed each other in the product's own sources."""
    watch = coverage.Coverage(data_file=None, branch=True, source=_SOURCES, config_file=False)
    with watch.collect():
        for data in inputs:
            # A fault was told when it was found
            with contextlib.suppress(Exception):
                attempt(target, data)
    found = watch.get_data()
    return {
        (file, start, end)
        for file in found.measured_files()
        for start, end in _source(file).translate_arcs(found.arcs(file) or ())
    }


@cache
def _source(file: str) -> Any:
    """coverage.py's view of a file: which lines can follow which, statements as one line each."""
    return PythonFileReporter(file, coverage.Coverage(data_file=None, config_file=False))


@cache
def _branches(target: Target) -> frozenset[Arc]:
    return frozenset(arc for name in target.parser for arc in _branches_of(name))


def _branches_of(name: str) -> set[Arc]:
    module, _, inside = name.partition(":")
    file = inspect.getsourcefile(importlib.import_module(module))
    assert file is not None
    lines = _lines(Path(file), inside)
    exits = _source(file).exit_counts()
    return {
        (file, start, end)
        for start, end in _source(file).arcs()
        if start in lines and exits.get(start, 0) > 1
    }


def _lines(file: Path, inside: str) -> set[int]:
    """The lines of a function, of all methods of a class (`Name.`), or of the whole file."""
    tree = ast.parse(file.read_text("utf-8"))
    if not inside:
        return set(range(1, 10_000))
    body: list[ast.stmt] = tree.body
    for part in filter(None, inside.split(".")):
        named = [
            each
            for each in body
            if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and each.name == part
        ]
        assert named, f"{file} has no {inside}"
        body = named[0].body
    last = named[0].end_lineno
    assert last is not None
    return set(range(named[0].lineno, last + 1))
