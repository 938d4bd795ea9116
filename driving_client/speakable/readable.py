# SPDX-License-Identifier: Apache-2.0
"""A whole text as a voice is to say it, or why it cannot be said."""

from __future__ import annotations

from collections.abc import Collection

from driving_client.errors import SpeechError
from driving_client.speakable.letters import refuse_foreign_letters
from driving_client.speakable.text import speakable


def readable(text: str, language: str, spoken: Collection[str] | None = None) -> str:
    """What a voice of `language` says for a text; raises SpeechError where it cannot say it.

    `spoken`: languages of the voices that there are, of which the error names one that can.
    """
    said = speakable(text, language)
    if text.strip() and not said.strip():
        raise SpeechError("the text is nothing but markup or signs; give at least one word")
    refuse_foreign_letters(said, language, spoken)
    return said
