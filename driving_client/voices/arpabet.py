# SPDX-License-Identifier: Apache-2.0
"""ARPAbet phones, as flite, festival and pocketsphinx name them, to espeak-ng's mnemonics.

One table of articulations serves every synthesiser and aligner: labels of training, tests
and benchmarks all come from it. Vowels keep their quality but lose their stress, which the
articulations do not know. Reductions of North American English map to the sound that the
lips make of them: a flap is a d, a syllabic l an l.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from driving_client.errors import SpeechError
from driving_client.voices.speech import Phoneme

MNEMONICS: Final[dict[str, str]] = {
    "aa": "A:",
    "ae": "a",
    "ah": "V",
    "ao": "O:",
    "aw": "aU",
    "ax": "@",
    "ay": "aI",
    "eh": "E",
    "er": "3:",
    "axr": "3",
    "ey": "eI",
    "ih": "I",
    "ix": "I",
    "iy": "i:",
    "ow": "oU",
    "oy": "OI",
    "uh": "U",
    "uw": "u:",
    "ux": "u:",
    "b": "b",
    "ch": "tS",
    "d": "d",
    "dh": "D",
    "dx": "d",
    "f": "f",
    "g": "g",
    "hh": "h",
    "hv": "h",
    "jh": "dZ",
    "k": "k",
    "l": "l",
    "el": "l",
    "m": "m",
    "em": "m",
    "n": "n",
    "en": "n",
    "nx": "n",
    "ng": "N",
    "p": "p",
    "r": "r",
    "s": "s",
    "sh": "S",
    "t": "t",
    "th": "T",
    "v": "v",
    "w": "w",
    "y": "j",
    "z": "z",
    "zh": "Z",
    **dict.fromkeys(("pau", "h#", "#", "brth", "ssil", "sil", "<sil>", "sp", "_"), "_"),
    **dict.fromkeys(("+spn+", "+nsn+", "[speech]", "[noise]", "(null)", "<s>", "</s>"), "_"),
}


def to_phonemes(segments: Iterable[tuple[str, float, float]]) -> tuple[Phoneme, ...]:
    """Phonemes from (ARPAbet phone, start, end); segments without a length are left out.

    Case and stress digits of the names are ignored. Raises SpeechError for a phone that the
    table does not hold.
    """
    phonemes = []
    for name, start, end in segments:
        mnemonic = MNEMONICS.get(name.lower().rstrip("0123456789"))
        if mnemonic is None:
            raise SpeechError(
                f"phone {name!r} at {start:.2f} s is not ARPAbet as flite, festival or "
                "pocketsphinx write it; add it to driving_client/voices/arpabet.py"
            )
        if end > start:
            phonemes.append(Phoneme(mnemonic, start, end))
    return tuple(phonemes)
