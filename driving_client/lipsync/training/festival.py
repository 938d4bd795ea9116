# SPDX-License-Identifier: Apache-2.0
"""Speech of festival with the times of its phones: many sentences by one run of its tool."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from driving_client.errors import SpeechError
from driving_client.lipsync.arpabet import to_phonemes
from driving_client.lipsync.espeak import Speech
from driving_client.lipsync.training.flite import read_wave

_TIMEOUT_S: Final = 300.0


def speak_festival(texts: Sequence[str], voice: str, stretch: float = 1.0) -> list[Speech]:
    """Speak every text with a festival voice (ked_diphone, cmu_us_slt_arctic_hts).

    `stretch` lengthens all durations. Raises SpeechError where festival or the voice is missing.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch})"]
        for index, text in enumerate(texts):
            spoken = text.replace("\\", " ").replace('"', " ")
            lines += [
                f'(set! utterance (SynthText "{spoken}"))',
                f'(utt.save.segs utterance "{folder / str(index)}.lab")',
                f'(utt.save.wave utterance "{folder / str(index)}.wav")',
            ]
        script = folder / "speak.scm"
        script.write_text("\n".join(lines), encoding="utf-8")
        try:
            subprocess.run(
                ["festival", "-b", str(script)], check=True, capture_output=True, timeout=_TIMEOUT_S
            )
        except (FileNotFoundError, subprocess.SubprocessError) as error:
            raise SpeechError(
                f"festival did not speak with voice {voice} ({error}); on Debian: "
                "`apt install festival festvox-kdlpc16k festvox-us-slt-hts`"
            ) from error
        return [_read(folder / str(index)) for index in range(len(texts))]


def _read(stem: Path) -> Speech:
    samples, rate = read_wave(stem.with_suffix(".wav"))
    segments, start = [], 0.0
    for line in stem.with_suffix(".lab").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) == 3 and words[0] != "#":
            segments.append((words[2], start, float(words[0])))
            start = float(words[0])
    return Speech(samples, rate, to_phonemes(segments))
