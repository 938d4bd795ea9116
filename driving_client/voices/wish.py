# SPDX-License-Identifier: Apache-2.0
"""Which voice somebody asks for: by its name, or by what it should be like.

The same four keys travel in a relay's `start` and stand in an avatar's manifest. An empty value
is one that nobody cares about. What there is, and what fits best, is decided where the speech is
made (`choice`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from driving_client.errors import ProtocolError

SEXES: Final = ("female", "male")
LEAST_PITCH: Final = 50.0
MOST_PITCH: Final = 500.0
LONGEST_TEXT: Final = 100
"""Characters of a name or a language."""


@dataclass(frozen=True, slots=True)
class VoiceWish:
    """`name` as the endpoint knows the voice, or a language, which then is `language`.

    `language`: a BCP 47 tag such as "en-US". `sex`: one of SEXES. `pitch`: the mean of its
    fundamental frequency in Hz, 0 for the voice's own.
    """

    name: str = ""
    language: str = ""
    sex: str = ""
    pitch: float = 0.0

    def document(self) -> dict[str, Any]:
        """For JSON: only what is cared about."""
        return {key: value for key, value in asdict(self).items() if value}


def read_wish(document: object) -> VoiceWish:
    """The other way round; raises ProtocolError saying what is wrong. Other keys are ignored."""
    if not isinstance(document, dict):
        raise ProtocolError(
            'voice is no object; send one such as {"language": "en-US", "sex": "female"}'
        )
    sex, pitch = _text(document, "sex"), document.get("pitch", 0)
    if sex and sex not in SEXES:
        raise ProtocolError(f"voice.sex is {sex!r}, allowed: {', '.join(SEXES)}")
    if type(pitch) not in (int, float) or not (pitch == 0 or LEAST_PITCH <= pitch <= MOST_PITCH):
        raise ProtocolError(f"voice.pitch is not a number from {LEAST_PITCH:g} to {MOST_PITCH:g}")
    return VoiceWish(_text(document, "name"), _text(document, "language"), sex, float(pitch))


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise ProtocolError(f"voice.{key} is not a text of at most {LONGEST_TEXT} characters")
    return value
