# SPDX-License-Identifier: Apache-2.0
"""What each phoneme asks of the mouth, and how firmly.

Keys are espeak-ng's mnemonics (voices of many languages share them). A mnemonic that is not
in the table is looked up without its trailing variant marks, then by its first letter, and
counts as a short neutral vowel at last: other languages get a plausible mouth, English a
fitted one. Targets are our own judgement of English articulation, after the classes of
phonetics (height and rounding of vowels, place of consonants).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Articulation:
    """Targets 0 to 1 of the mouth controls, and `dominance`: how little the neighbours win.

    `closing` is "lips" (p b m: lips together), "teeth" (f v: lower lip under the teeth) or "".
    """

    open: float
    wide: float = 0.0
    pucker: float = 0.0
    funnel: float = 0.0
    dominance: float = 1.0
    closing: str = ""


SILENCE: Final = Articulation(0.0, dominance=1.2)
_NEUTRAL: Final = Articulation(0.35, 0.15, dominance=0.6)

_LIPS: Final = Articulation(0.0, 0.1, dominance=2.0, closing="lips")
_TEETH: Final = Articulation(0.12, 0.15, dominance=1.6, closing="teeth")
_TONGUE_TIP: Final = Articulation(0.22, 0.28, dominance=0.5)
_HISS: Final = Articulation(0.12, 0.45, dominance=1.1)
_DENTAL: Final = Articulation(0.26, 0.22, dominance=0.7)
_HUSH: Final = Articulation(0.18, 0.0, 0.30, 0.85, dominance=1.2)
_BACK: Final = Articulation(0.28, 0.18, dominance=0.4)
_PALATAL: Final = Articulation(0.24, 0.45, dominance=0.6)

_OPEN_BACK: Final = Articulation(0.95, 0.15)
_OPEN_FRONT: Final = Articulation(0.85, 0.45)
_MID_FRONT: Final = Articulation(0.60, 0.45)
_NEAR_CLOSE_FRONT: Final = Articulation(0.38, 0.48, dominance=0.9)
_CLOSE_FRONT: Final = Articulation(0.28, 0.85)
_MID_CENTRAL: Final = Articulation(0.60, 0.20)
_RHOTIC: Final = Articulation(0.38, 0.0, 0.30, 0.30)
_MID_BACK: Final = Articulation(0.68, 0.0, 0.45, 0.30, dominance=1.1)
_NEAR_CLOSE_BACK: Final = Articulation(0.36, 0.0, 0.50, 0.15)
_CLOSE_BACK: Final = Articulation(0.22, 0.0, 0.95, 0.10, dominance=1.2)
_CLOSE_FRONT_ROUND: Final = Articulation(0.24, 0.05, 0.85, 0.15, dominance=1.2)

_SOUNDS: Final[dict[str, Articulation]] = {
    **dict.fromkeys(("p", "b", "m"), _LIPS),
    **dict.fromkeys(("f", "v"), _TEETH),
    **dict.fromkeys(("t", "d", "n", "l", "L"), _TONGUE_TIP),
    **dict.fromkeys(("s", "z", "ts"), _HISS),
    **dict.fromkeys(("T", "D"), _DENTAL),
    **dict.fromkeys(("S", "Z", "tS", "dZ"), _HUSH),
    # Palatal and retroflex hisses of other languages sound and look like S.
    **dict.fromkeys(("s;", "z;", "s.", "z.", "S;", "Z;", "ts;", "tS;", "dz;", "dZ;"), _HUSH),
    # The throat's own sounds, glottal stops too, leave the lips to the neighbours.
    **dict.fromkeys(("k", "g", "N", "x", "h", "C", "q", "Q", "G", "X", "H", "?"), _BACK),
    # Softened consonants carry a mark of their own after them.
    **dict.fromkeys((";", "J", "c"), _PALATAL),
    # Spanish b and v between vowels: lips near each other, never together
    "B": Articulation(0.10, 0.1, dominance=1.4),
    "j": Articulation(0.24, 0.65, dominance=0.9),
    "w": Articulation(0.16, 0.0, 0.95, 0.15, dominance=1.3),
    **dict.fromkeys(("r", "R", "*"), Articulation(0.28, 0.0, 0.35, 0.40, dominance=0.8)),
    **dict.fromkeys(("A:", "A", "0", "aa", "a:"), _OPEN_BACK),
    "a": _OPEN_FRONT,
    **dict.fromkeys(("E", "e", "e@", "E:"), _MID_FRONT),
    **dict.fromkeys(("I", "I2", "IR", "u-", 'i"'), _NEAR_CLOSE_FRONT),
    **dict.fromkeys(("i:", "i", "i@", "i@3"), _CLOSE_FRONT),
    **dict.fromkeys(("V", "VR"), _MID_CENTRAL),
    **dict.fromkeys(("@", "@2", "@5", "a#", "@L"), Articulation(0.38, 0.15, dominance=0.7)),
    **dict.fromkeys(("3", "3:", "3r", "@r"), _RHOTIC),
    **dict.fromkeys(("O", "O:", "O2", "o", "o:", "o@", "O@"), _MID_BACK),
    **dict.fromkeys(("U", "U@"), _NEAR_CLOSE_BACK),
    **dict.fromkeys(("u", "u:"), _CLOSE_BACK),
    **dict.fromkeys(("y", "y:", "Y", "W", "W:"), _CLOSE_FRONT_ROUND),
}

_GLIDES: Final[dict[str, tuple[Articulation, Articulation]]] = {
    **dict.fromkeys(("aI", "aI@", "aI3"), (_OPEN_BACK, _NEAR_CLOSE_FRONT)),
    **dict.fromkeys(("aU", "aU@"), (_OPEN_BACK, _NEAR_CLOSE_BACK)),
    "ai": (_OPEN_FRONT, _CLOSE_FRONT),
    **dict.fromkeys(("au", "ao"), (_OPEN_BACK, _NEAR_CLOSE_BACK)),
    **dict.fromkeys(("eI", "ei"), (_MID_FRONT, _CLOSE_FRONT)),
    **dict.fromkeys(("OI", "OY"), (_MID_BACK, _NEAR_CLOSE_FRONT)),
    **dict.fromkeys(("oU", "@U", "ou"), (_MID_BACK, _CLOSE_BACK)),
}


def articulations(name: str) -> tuple[Articulation, ...]:
    """One articulation of an espeak-ng mnemonic, or two for a gliding vowel."""
    if not name or name[0] == "_":
        return (SILENCE,)
    for candidate in (name, name.rstrip('0123456789#-/~^;!.`"'), name[0]):
        if candidate in _GLIDES:
            return _GLIDES[candidate]
        if candidate in _SOUNDS:
            return (_SOUNDS[candidate],)
    return (_NEUTRAL,)
