# SPDX-License-Identifier: Apache-2.0
"""Speech with phoneme times through libespeak-ng, and which voices it has.

The command line tool prints no phoneme times for its own voices, so the library is called by
ctypes with phoneme events on. The library keeps its state in globals and is not re-entrant:
one lock guards it, and callers keep it off their event loop (a sentence of 4 s takes about
20 ms of one core on a desktop machine). The library is loaded at first use, so that
importing this module needs no espeak-ng.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from driving_client.errors import SpeechError
from driving_client.utterance import Samples
from driving_client.voices.speech import Phoneme, Speech, SynthesiserMissingError, checked

_LIBRARY: Final = "libespeak-ng.so.1"
_INSTALL: Final = "install it, on Debian with `apt install espeak-ng`"

# Values of speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2
_INITIALIZE_PHONEME_EVENTS: Final = 0x0001
_INITIALIZE_DONT_EXIT: Final = 0x8000
_CHARS_UTF8: Final = 1
_EVENT_LIST_TERMINATED: Final = 0
_EVENT_PHONEME: Final = 7
_IPA: Final = 2
_PARAMETER_RATE: Final = 1
_PARAMETER_PITCH: Final = 3


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Listed(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # (priority, text, 0) again and again, then 0
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


_TAIL_S: Final = 0.3
"""Silence after the last word: espeak-ng stops at once, a mouth needs time to close."""

DEFAULT_VOICE: Final = "en-us"

_lock: Final = threading.Lock()


def synthesise(
    text: str, voice: str = DEFAULT_VOICE, words_per_minute: int = 165, pitch: int = 50
) -> Speech:
    """Speak `text`; raises SpeechError for bad text, an unknown voice or a missing library.

    `words_per_minute` 80 to 450, `pitch` 0 to 99. A voice may carry a variant, for example
    "en-us+f3". Any thread; calls wait for each other.
    """
    spoken = checked(text)
    with _lock:
        return _library().speak(spoken, voice, words_per_minute, pitch)


def in_ipa(text: str, voice: str) -> str:
    """How a voice (its file, or its language where that is the file's name) says a text, in IPA.

    Without punctuation; raises SpeechError for an unknown voice or a missing library.
    """
    with _lock:
        return _library().in_ipa(text.replace("\0", ""), voice)


@functools.cache
def languages() -> dict[str, str]:
    """Every language in small letters, such as "en-us", and the file of the voice that speaks it.

    Raises SynthesiserMissingError.
    """
    with _lock:
        found = _library().listed(None)
    best: dict[str, tuple[int, str]] = {}
    for identifier, spoken in found:
        for priority, language in spoken:
            known = best.get(language)
            if known is None or priority < known[0]:
                best[language] = priority, identifier
    return {language: identifier for language, (_, identifier) in sorted(best.items())}


@functools.cache
def variants() -> tuple[str, ...]:
    """What may follow a voice's name after a plus, such as "f3"; an unknown one has no effect."""
    with _lock:
        found = _library().listed("variant")
    return tuple(sorted(identifier.removeprefix("!v/") for identifier, _ in found))


class _Library:
    """The initialised library and what its callback gathers during one call."""

    def __init__(self, library: Any, sample_rate: int) -> None:
        self._library = library
        self._sample_rate = sample_rate
        self._chunks: list[Samples] = []
        self._events: list[tuple[float, str]] = []
        # The library keeps the pointer: the object must live as long as this one.
        self._callback: Callable[..., int] = _Callback(self._receive)
        library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.int16))
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                raw = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")
                # "(en)": a word is read by another language's rules; nothing is heard of the mark
                if not raw.startswith("("):
                    self._events.append((event.audio_position / 1000.0, raw.lstrip("',%=|")))
            index += 1
        return 0

    def _use(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechError(
                f"espeak-ng has no voice {voice!r}; `espeak-ng --voices` lists them (column "
                "Language), for example en-us, de, fr, es"
            )

    def speak(self, text: str, voice: str, words_per_minute: int, pitch: int) -> Speech:
        self._chunks.clear()
        self._events.clear()
        self._use(voice)
        self._library.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0)
        self._library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        data = text.encode("utf-8", "replace")
        status = self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        if status != 0 or not self._chunks:
            raise SpeechError(
                f"espeak-ng made no sound from this text (status {status}); it holds nothing "
                f"that the voice {voice!r} can speak"
            )
        tail = np.zeros(round(_TAIL_S * self._sample_rate), np.int16)
        samples = np.concatenate([*self._chunks, tail])
        return Speech(samples, self._sample_rate, self._phonemes(len(samples)))

    def in_ipa(self, text: str, voice: str) -> str:
        self._use(voice)
        translate = self._library.espeak_TextToPhonemes
        translate.restype = ctypes.c_char_p
        buffer = ctypes.create_string_buffer(text.encode("utf-8", "replace"))
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        clauses = []
        while rest.value:
            found = translate(ctypes.byref(rest), _CHARS_UTF8, _IPA) or b""
            clauses.append(found.decode("utf-8", "replace").strip())
        return " ".join(filter(None, clauses))

    def listed(self, kind: str | None) -> list[tuple[str, list[tuple[int, str]]]]:
        """Voices of a kind, all for None: identifiers, and languages with their priorities."""
        text = ctypes.create_string_buffer((kind or "").encode())
        wanted = ctypes.byref(_Listed(languages=ctypes.addressof(text))) if kind else None
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Listed))
        voices = self._library.espeak_ListVoices(wanted)
        found = []
        for index in itertools.takewhile(lambda at: voices[at], itertools.count()):
            voice = voices[index].contents
            found.append((voice.identifier.decode("utf-8", "replace"), _spoken(voice.languages)))
        return found

    def _phonemes(self, length: int) -> tuple[Phoneme, ...]:
        end = length / self._sample_rate
        voiced = end - _TAIL_S
        events = [*((min(start, voiced), name) for start, name in self._events), (voiced, "_")]
        ends = [*(start for start, _ in events[1:]), end]
        return tuple(
            Phoneme(name or "_", start, stop)
            for (start, name), stop in zip(events, ends, strict=True)
            if stop > start
        )


def _spoken(address: int) -> list[tuple[int, str]]:
    """Priority (1 is the best) and language, for each that a voice speaks."""
    spoken = []
    while priority := ctypes.string_at(address, 1)[0]:
        text = ctypes.string_at(address + 1)
        spoken.append((priority, text.decode("ascii", "replace")))
        address += len(text) + 2
    return spoken


@functools.cache
def _library() -> _Library:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise SynthesiserMissingError(
            f"{_LIBRARY} of espeak-ng is missing; {_INSTALL} ({error})"
        ) from error
    rate = library.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS, 0, None, _INITIALIZE_PHONEME_EVENTS | _INITIALIZE_DONT_EXIT
    )
    if rate <= 0:
        raise SynthesiserMissingError(
            f"espeak-ng does not find its data (espeak-ng-data); {_INSTALL}"
        )
    return _Library(library, rate)
