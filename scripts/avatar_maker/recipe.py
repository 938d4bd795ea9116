# SPDX-License-Identifier: Apache-2.0
"""Reads a recipe (`config/avatars/*.yaml`): one person, from whom the rest of the package builds.

Two sections are free maps: `targets` (MakeHuman's shape targets and their weights) and
`rest_face` (face units that the neutral face wears already). The others are those of
`recipe_keys`. Every problem of a file is collected, each with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from avatar_maker.errors import BuildError
from avatar_maker.recipe_keys import KEYS, Value
from avatar_maker.source import Floats
from driving_client.motion import ARKIT_NAMES
from kioskd.config.yaml_file import Entry, YamlFile, YamlFileError, plain

MAPS: Final = ("targets", "rest_face")
MAX_BYTES: Final = 64 * 1024
LARGEST_WEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """One section of a recipe; its keys have the kinds that the table gives them."""

    values: dict[str, Value]

    def number(self, key: str) -> float:
        """A number."""
        value = self.values[key]
        assert isinstance(value, float), key
        return value

    def word(self, key: str) -> str:
        """A word or a text."""
        value = self.values[key]
        assert isinstance(value, str), key
        return value

    def color(self, key: str) -> Floats:
        """A colour (3,) in linear light."""
        return linear_color(self.word(key))

    def colors(self, key: str) -> Floats:
        """Colours (n,3) in linear light."""
        value = self.values[key]
        assert isinstance(value, tuple), key
        return np.stack([linear_color(item) for item in value])


@dataclass(frozen=True, slots=True)
class Recipe:
    """A person: shape targets, the neutral face, and what the table's sections say."""

    targets: tuple[tuple[str, float], ...]
    rest_face: tuple[tuple[str, float], ...]
    person: Look
    voice: Look
    skin: Look
    eyes: Look
    brows: Look
    hair: Look
    beard: Look
    clothing: Look


def linear_color(text: str) -> Floats:
    """`#rrggbb` (sRGB) in linear light, (3,)."""
    value = np.array([int(text[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def read_recipe(path: Path) -> Recipe:
    """The recipe; BuildError has a line for each thing that is wrong with it."""
    return _Reader(path).recipe()


class _Reader:
    def __init__(self, path: Path) -> None:
        self._problems: list[str] = []
        self._file = YamlFile(path, self._problems)

    def recipe(self) -> Recipe:
        path = self._file.path
        try:
            root = self._file.compose(MAX_BYTES)
        except OSError as error:
            known = ", ".join(str(found) for found in sorted(path.parent.glob("*.yaml"))) or "none"
            raise BuildError(
                f"{path}: cannot be read ({error.strerror}); recipes beside it: {known}"
            ) from error
        except YamlFileError as error:
            raise BuildError(str(error)) from error
        names = (*MAPS, *KEYS)
        sections = {each.name: each.value for each in self._entries(root, "", names, "section")}
        maps = {name: self._weights(name, sections.get(name)) for name in MAPS}
        looks = {name: self._look(name, sections.get(name)) for name in KEYS}
        if not self._problems:
            if not maps["targets"]:
                self._problems.append(f"{path}: targets: missing; a person needs a shape")
            if not looks["person"].values["name"]:
                self._problems.append(f"{path}: person.name: missing; name the avatar")
        if self._problems:
            raise BuildError("\n".join(self._problems))
        return Recipe(maps["targets"], maps["rest_face"], **looks)

    def _entries(
        self, node: yaml.Node | None, where: str, known: tuple[str, ...] | None, kind: str = "key"
    ) -> list[Entry]:
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            self._file.problem(node, where or "the file", "must hold keys")
            return []
        return list(self._file.entries(node, f"{where}." if where else "", known, kind))

    def _look(self, section: str, node: yaml.Node | None) -> Look:
        table = KEYS[section]
        values: dict[str, Value] = {
            name: float(key.default) if isinstance(key.default, int) else key.default
            for name, key in table.items()
        }
        for entry in self._entries(node, section, tuple(table)):
            key = table[entry.name]
            try:
                values[entry.name] = key.read(plain(entry.value))
            except ValueError as error:
                name = f"{section}.{entry.name}"
                self._file.problem(entry.value, name, f"{error} ({key.text})")
        return Look(values)

    def _weights(self, section: str, node: yaml.Node | None) -> tuple[tuple[str, float], ...]:
        known = ARKIT_NAMES if section == "rest_face" else None
        found = []
        for entry in self._entries(node, section, known):
            name, weight = f"{section}.{entry.name}", plain(entry.value)
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                self._file.problem(entry.value, name, "must be a number")
            elif not abs(weight) <= LARGEST_WEIGHT:
                self._file.problem(entry.value, name, f"{weight:g} is beyond 2")
            else:
                found.append((entry.name, float(weight)))
        return tuple(found)
