# SPDX-License-Identifier: Apache-2.0
"""A YAML file as names and values that know their line; configuration, boards, recipes share it.

PyYAML's node tree is used instead of its loader, because only nodes know their line and only there
a key given twice can be seen. Every problem of a file is collected, so that one run shows all of
them. What the names mean, and which values they take, is the callers' business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from driving_client.regular_file import read_regular
from driving_client.texts import did_you_mean

_NOT_CONSTRUCTED = (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError)
"""What PyYAML raises for a scalar that is not what its tag says, such as `!!bool perhaps`."""


class YamlFileError(ValueError):
    """The file is not YAML; the message begins with file and line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name of a mapping with its value; `line` is the value's, from 1."""

    name: str
    value: yaml.Node

    @property
    def line(self) -> int:
        """Where the value begins."""
        return int(self.value.start_mark.line) + 1


@dataclass(frozen=True, slots=True)
class YamlFile:
    """Walks the node tree of one file; what is wrong goes into `problems`, a line each."""

    path: Path
    problems: list[str]

    def compose(self, max_bytes: int) -> yaml.Node | None:
        """The root; None where the file is empty. Raises OSError and YamlFileError."""
        raw = read_regular(self.path, max_bytes)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise YamlFileError(f"{self.path}:{line}: not UTF-8 text") from error
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            raise YamlFileError(f"{self.path}{_explained(text, error)}") from error
        return None if root is None or is_empty(root) else root

    def entries(
        self, node: yaml.MappingNode, prefix: str, known: Collection[str] | None, kind: str = "key"
    ) -> Iterator[Entry]:
        """The mapping's names, each a plain word, once and `known`; the rest is reported.

        One after the other, so that all problems come in the order of their lines.

        `prefix` stands before a name in messages; `known` None takes every name.
        """
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problem(key, prefix + "?", "a key must be a plain word")
                continue
            name = str(key.value)
            if name in first:
                text = f"given twice, first in line {first[name]}; keep one"
                self.problem(key, prefix + name, text)
                continue
            first[name] = key.start_mark.line + 1
            if known is not None and name not in known:
                hint = did_you_mean(name, known, prefix)
                self.problem(key, prefix + name, f"unknown {kind}{hint}")
                continue
            yield Entry(name, value)

    def problem(self, node: yaml.Node, name: str, text: str) -> None:
        """Report what is wrong at a node; `name` may be empty."""
        subject = f" {name}:" if name else ""
        self.problems.append(f"{self.path}:{node.start_mark.line + 1}:{subject} {text}")


def plain(node: yaml.Node) -> object:
    """A scalar's value, or its text where it is not what its tag says; a list of such values.

    Mappings, and lists within lists, are empty: no caller takes them, and messages only name them.
    """
    if isinstance(node, yaml.SequenceNode):
        return [
            plain(item) if isinstance(item, yaml.ScalarNode) else _EMPTY[type(item)]()
            for item in node.value
        ]
    if isinstance(node, yaml.MappingNode):
        return {}
    constructor = yaml.SafeLoader("")
    try:
        return constructor.construct_object(node)
    except _NOT_CONSTRUCTED:
        return str(node.value)
    finally:
        constructor.dispose()


_EMPTY = {yaml.SequenceNode: list, yaml.MappingNode: dict}


def is_empty(node: yaml.Node) -> bool:
    """Whether nothing is written where a value could be."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _explained(text: str, error: Exception) -> str:
    if isinstance(error, ReaderError):
        line = text[: error.position].count("\n") + 1
        return f":{line}: not valid YAML: holds U+{ord(text[error.position]):04X}, not text"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        context = f" ({error.context})" if error.context else ""
        return f":{error.problem_mark.line + 1}: not valid YAML: {error.problem}{context}"
    if isinstance(error, RecursionError):
        return ": not valid YAML: nested too deeply"
    return f": not valid YAML: {str(error).splitlines()[0]}"
