# SPDX-License-Identifier: Apache-2.0
"""What a recipe says of a person: every key, its bounds, its default and what it does.

One table for reading (`recipe`) and for the messages about mistakes. Lengths are metres, colours
are 8-bit sRGB as "#rrggbb".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

Value = float | str | tuple[str, ...]

_COLOR: Final = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two bounds."""

    default: float
    low: float
    high: float
    text: str

    def read(self, value: object) -> Value:
        """The value; ValueError says what is allowed."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number from {self.low:g} to {self.high:g}")
        if not self.low <= value <= self.high:
            raise ValueError(f"{value:g} is not from {self.low:g} to {self.high:g}")
        return float(value)


@dataclass(frozen=True, slots=True)
class Color:
    """A colour."""

    default: str
    text: str

    def read(self, value: object) -> Value:
        """The value; ValueError says what is allowed."""
        if not isinstance(value, str) or not _COLOR.fullmatch(value.lower()):
            raise ValueError(f'{value!r} is not a colour; write it in quotes, such as "#deac92"')
        return value.lower()


@dataclass(frozen=True, slots=True)
class Colors:
    """Several colours that splats choose from."""

    default: tuple[str, ...]
    text: str

    def read(self, value: object) -> Value:
        """The value; ValueError says what is allowed."""
        if not isinstance(value, list) or not 1 <= len(value) <= 8:
            raise ValueError('must be a list of one to eight colours, such as ["#66452e"]')
        return tuple(str(Color("", "").read(item)) for item in value)


@dataclass(frozen=True, slots=True)
class Text:
    """A word or a sentence."""

    default: str
    pattern: str
    text: str

    def read(self, value: object) -> Value:
        """The value; ValueError says what is allowed."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise ValueError(f"{value!r} is not of the form {self.pattern}")
        return value


Key = Number | Color | Colors | Text

KEYS: Final[dict[str, dict[str, Key]]] = {
    "person": {
        "name": Text("", "[a-z0-9][a-z0-9-]{0,30}", "the avatar's name, as health shows it"),
        "licence": Text("CC0-1.0", "[A-Za-z0-9.+-]{1,40}", "SPDX identifier of the result"),
        "scale": Number(0.105, 0.09, 0.115, "metres per unit of MakeHuman's mesh (decimetres)"),
        "shoulder_slope": Number(0.025, 0, 0.08, "metres by which the shoulders' line falls more"),
    },
    "voice": {
        "language": Text(
            "en-US", "[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", "what is spoken, such as de or fr-CA"
        ),
        "sex": Text("female", "female|male", "whose voice it is"),
        "pitch": Number(195.0, 50, 500, "its mean in Hz; women's are about 200, men's 110 to 120"),
    },
    "skin": {
        "tone": Color("#deac92", "the forehead's colour in even light"),
        "lips": Color("#bc645e", "the lips' colour"),
        "flush": Number(0.75, 0, 2, "redness of cheeks, nose, ears and chin"),
        "mottle": Number(1.0, 0, 3, "patchiness of blood and pigment"),
        "under_eyes": Number(0.0, -1, 1, "lightness below the eyes; negative is dark circles"),
        "shine": Number(1.0, 0, 3, "how oily it is: the highlights' strength"),
        "freckles": Number(0.0, 0, 1, "how dark freckles on cheeks and nose are"),
        "moles": Number(0.0, 0, 7, "how many moles"),
        "lines": Number(0.1, 0, 1, "depth of wrinkles: 0 is a child, 1 is eighty years"),
    },
    "eyes": {
        "iris": Color("#684e38", "the iris' colour"),
        "collarette": Color("#966836", "the ring around the pupil"),
        "white": Color("#e0d3c6", "the white's colour"),
        "size": Number(0.0156, 0.0145, 0.0168, "radius of an eyeball in metres"),
        "lashes": Number(1.0, 0.3, 1.5, "how long and dark the lashes are"),
    },
    "brows": {
        "color": Color("#543c2e", "the hairs' colour"),
        "fullness": Number(1.0, 0.3, 2, "how many hairs"),
        "thickness": Number(1.0, 0.5, 2, "the brow's height"),
        "arch": Number(1.0, 0, 2, "how much it is bent"),
        "grey": Number(0.0, 0, 1, "share of grey hairs"),
    },
    "hair": {
        "style": Text("waves", "waves|coils", "shoulder-length waves, or short coils"),
        "colors": Colors(
            ("#66452e", "#4d3423", "#80593a"), "its shades, from the darkest to the greyest"
        ),
        "parting": Number(0.022, -0.05, 0.05, "metres to the person's left of the middle"),
        "volume": Number(1.0, 0.3, 2, "how far it stands off the head"),
        "length": Number(0.145, 0.08, 0.17, "where waves end, in metres below the eyes"),
        "wave": Number(1.0, 0, 2, "how much long hair waves"),
        "temples": Number(0.0, 0, 0.02, "how far the hairline recedes at the temples, in metres"),
    },
    "beard": {
        "length": Number(0.0, 0, 0.012, "of the hairs, in metres; 0 is none"),
        "fullness": Number(1.0, 0.2, 2, "how many hairs"),
        "colors": Colors(("#4d3423",), "its shades; the last one mostly on the chin"),
    },
    "clothing": {
        "style": Text(
            "knit", "knit|shirt", "a ribbed jumper, or a shirt with a collar and buttons"
        ),
        "color": Color("#3a5c76", "the cloth's colour"),
    },
}
"""Sections, their keys, and what each of them may be."""
