# SPDX-License-Identifier: Apache-2.0
"""Speech of festival with the times of its phones: many sentences by one run of its tool.

Besides an American there are women of other languages among Debian's voices, cut from
recordings. They read English text by their own rules, respelt where those know a sound
under other letters (sh, ch): the words become odd, the sounds and their times are right.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from driving_client.errors import SpeechError
from driving_client.voices.arpabet import to_phonemes
from driving_client.voices.flite import read_wave
from driving_client.voices.speech import Phoneme, Speech

_TIMEOUT_S: Final = 300.0

_Segments = Iterable[tuple[str, float, float]]


@dataclass(frozen=True, slots=True)
class _Voice:
    """How a voice is written to (`spelling`, `encoding`) and read (`phonemes`)."""

    package: str
    phonemes: Callable[[_Segments], tuple[Phoneme, ...]]
    spelling: tuple[tuple[str, str], ...] = ()
    encoding: str = "utf-8"


def _reader(**names: str) -> Callable[[_Segments], tuple[Phoneme, ...]]:
    """A reader of phones that are espeak-ng's mnemonics but for stress digits and `names`."""
    renamed = {"#": "_", "pau": "_", **names}

    def read(segments: _Segments) -> tuple[Phoneme, ...]:
        bare = ((name.rstrip("012"), start, end) for name, start, end in segments)
        return tuple(
            Phoneme(renamed.get(name, name), start, end) for name, start, end in bare if end > start
        )

    return read


_CZECH_PHONES: Final = {
    "ch": "x", "c": "ts", "c~": "tS", "dz~": "dZ", "s~": "S", "z~": "Z", "r~": "Z",
    "n~": "n", "n*": "N", "t~": "t", "d~": "d",
    "_": "h",  # the glottal stop: no pause
}  # fmt: skip
_COMMON: Final = (("ph", "f"), ("th", "t"), ("x", "ks"))

_ITALIAN: Final = (
    _reader(L="l", J="n"),
    (
        *_COMMON,
        *(("sh", "sci"), ("ch", "ci"), ("j", "gi"), ("ee", "i"), ("oo", "u")),
        *(("w", "u"), ("y", "i"), ("ck", "c")),
    ),
    "iso-8859-1",
)
_CZECH: Final = (
    _reader(**_CZECH_PHONES),
    (*_COMMON, ("sh", "š"), ("ch", "č"), ("j", "dž"), ("ee", "í"), ("oo", "ú"), ("ck", "k")),
    "iso-8859-2",
)

_VOICES: Final = {
    "ked_diphone": _Voice("festvox-kdlpc16k", to_phonemes),
    "cmu_us_slt_arctic_hts": _Voice("festvox-us-slt-hts", to_phonemes),
    "lp_diphone": _Voice("festvox-italp16k", *_ITALIAN),
    "pc_diphone": _Voice("festvox-itapc16k", *_ITALIAN),
    **{
        f"czech_{name}": _Voice(f"festvox-czech-{name}", *_CZECH)
        for name in ("dita", "krb", "machac")
    },
    "upc_ca_ona_hts": _Voice(
        "festvox-ca-ona-hts",
        _reader(ax="@", rr="r", L="l", J="n"),
        (*_COMMON, ("sh", "ix"), ("ch", "tx"), ("ee", "i"), ("oo", "u"), ("w", "u"), ("y", "i")),
        "iso-8859-1",
    ),
}


def speak_festival(texts: Sequence[str], voice: str, stretch: float = 1.0) -> list[Speech]:
    """Speak the texts with a festival voice, in order; `stretch` lengthens all durations.

    A text that a foreign voice's rules stumble over is left out (some in a hundred). Raises
    SpeechError for a voice that is not in the table and where festival or the voice is missing.
    """
    if voice not in _VOICES:
        raise SpeechError(f"no festival voice {voice!r} here; there are {', '.join(_VOICES)}")
    kind = _VOICES[voice]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch})"]
        for index, text in enumerate(texts):
            stem = folder / str(index)
            lines.append(
                f'(unwind-protect (begin (set! utterance (SynthText "{_spelt(text, kind)}")) '
                f'(utt.save.segs utterance "{stem}.lab") '
                f'(utt.save.wave utterance "{stem}.wav")))'
            )
        script = folder / "speak.scm"
        script.write_text("\n".join(lines), encoding=kind.encoding)
        try:
            subprocess.run(
                ["festival", "-b", str(script)], check=True, capture_output=True, timeout=_TIMEOUT_S
            )
            stems = [folder / str(index) for index in range(len(texts))]
            spoken = [_read(stem, kind) for stem in stems if stem.with_suffix(".wav").exists()]
        except (OSError, subprocess.SubprocessError) as error:
            raise SpeechError(
                f"festival did not speak with voice {voice} ({error}); on Debian: "
                f"`apt install festival {kind.package}`"
            ) from error
    if 2 * len(spoken) < len(texts):
        raise SpeechError(
            f"festival's voice {voice} spoke only {len(spoken)} of {len(texts)} texts"
        )
    return spoken


def _spelt(text: str, kind: _Voice) -> str:
    """Without what Scheme would read as its own, and as the voice's language spells it."""
    plain = text.replace("\\", " ").replace('"', " ")
    if kind.spelling:
        plain = plain.lower()
    for english, own in kind.spelling:
        plain = plain.replace(english, own)
    return plain


def _read(stem: Path, kind: _Voice) -> Speech:
    samples, rate = read_wave(stem.with_suffix(".wav"))
    segments, start = [], 0.0
    for line in stem.with_suffix(".lab").read_text(encoding=kind.encoding).splitlines():
        words = line.split()
        if len(words) == 3 and words[0] != "#":
            segments.append((words[2], start, float(words[0])))
            start = float(words[0])
    return Speech(samples, rate, kind.phonemes(segments))
