#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints as JSON what pocketsphinx hears in WAV files; needs nothing of the project."""

from __future__ import annotations

import json
import sys
import wave


def main() -> int:
    """Recognise each file; returns the exit status."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16000, loglevel="FATAL")
    texts = []
    for path in sys.argv[1:]:
        with wave.open(path) as file:
            sound = file.readframes(file.getnframes())
        decoder.start_utt()
        decoder.process_raw(sound, no_search=False, full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        texts.append(heard.hypstr if heard is not None else "")
    print(json.dumps(texts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
