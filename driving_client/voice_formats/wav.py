# SPDX-License-Identifier: Apache-2.0
"""WAV and RF64 to samples, in any chunking, one file after the other.

Speech services write a WAV while it is made, and so with a size that nobody knows yet: 0, or a
number near the largest. Others send a WAV for each sentence, in one body. So the header of a
next file is looked for within the sound, wherever the sound should end: `RIFF`, four bytes,
`WAVE`. By chance, sound contains those eight bytes once in nine billion hours.

Chunks that hold no sound are passed over and never kept, whatever their size. A file cut off after
some sound is a shorter voice.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

from driving_client.voice_formats import wav_form
from driving_client.voice_formats.errors import VoiceError
from driving_client.voice_formats.pcm import PcmForm, Sound

_FILES: Final = (b"RIFF", b"RF64", b"BW64")
_HEADER: Final = re.compile(rb"(?:RIFF|RF64|BW64)[\s\S]{4}WAVE")
_HEADER_BYTES: Final = 12
_UNKNOWN: Final = 0x7FFF0000
"""From here on, a size is what streaming writers put where they know none."""
_IN_DS64: Final = 0xFFFFFFFF
_KNOWN_CHUNKS: Final = frozenset(
    {
        *_FILES, b"LIST", b"fact", b"data", b"fmt ", b"JUNK", b"junk", b"PAD ", b"FLLR", b"PEAK",
        b"bext", b"iXML", b"axml", b"chna", b"cue ", b"plst", b"smpl", b"inst", b"note", b"labl",
        b"id3 ", b"ID3 ", b"_PMX", b"cart", b"DISP", b"acid", b"afsp", b"LGWV",
    }
)  # fmt: skip


class WavStream:
    """Gives pieces of sound with their rates; raises VoiceError for a WAV that is damaged."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._step: Callable[[Sound, bool], bool] = self._file
        self._form: PcmForm | None = None
        self._passed = 0
        self._file_bytes = 0
        self._data_bytes = _UNKNOWN  # of an RF64
        self._left: int | None = 0
        self._odd = False
        self._had_data = False

    def feed(self, data: bytes) -> Sound:
        """What is complete now."""
        self._pending += data
        sound: Sound = []
        while self._step(sound, False):
            pass
        return sound

    def finish(self) -> Sound:
        """The rest, for no more bytes come; raises VoiceError where a sample is cut off."""
        sound: Sound = []
        while self._step(sound, True):
            pass
        if not self._had_data:
            raise VoiceError("the body ended before any sound; send the whole WAV")
        if self._step == self._data and self._pending:
            raise VoiceError("the body ends in the middle of a sample; send whole samples")
        return sound

    # Each step does what the pending bytes allow and says whether another one may follow.

    def _file(self, _sound: Sound, _ended: bool) -> bool:
        if len(self._pending) < _HEADER_BYTES:
            return False
        self._form = None
        (size,) = struct.unpack_from("<I", self._pending, 4)
        self._data_bytes = _UNKNOWN
        self._passed = 0
        self._file_bytes = 8 + size if size < _UNKNOWN else 0
        return self._go_on(_HEADER_BYTES, self._chunk)

    def _chunk(self, _sound: Sound, _ended: bool) -> bool:
        if len(self._pending) < 8:
            return False
        name, size = struct.unpack_from("<4sI", self._pending)
        if name in _FILES:
            if len(self._pending) < _HEADER_BYTES:
                return False
            if self._pending[8:12] == b"WAVE":
                self._step = self._file
                return True
        if not all(32 <= byte < 127 for byte in name):
            if not self._had_data:
                raise VoiceError(
                    f"the WAV is damaged: no chunk begins at byte {self._passed}; write it anew"
                )
            self._step = self._rubbish
            return True
        if name == b"data":
            return self._begin_data(size)
        self._left, self._odd = size, bool(size % 2)
        what = {b"fmt ": self._read_form, b"ds64": self._read_sizes}
        return self._go_on(8, what.get(name, self._pass_over))

    def _read_form(self, _sound: Sound, _ended: bool) -> bool:
        assert self._left is not None
        count = min(self._left, wav_form.READ)
        if len(self._pending) < count:
            return False
        self._form = wav_form.read_form(bytes(self._pending[:count]))
        self._left -= count
        return self._go_on(count, self._pass_over)

    def _read_sizes(self, _sound: Sound, _ended: bool) -> bool:
        assert self._left is not None
        count = min(self._left, 16)
        if len(self._pending) < count:
            return False
        if count == 16:
            _, self._data_bytes = struct.unpack_from("<QQ", self._pending)
        self._left -= count
        return self._go_on(count, self._pass_over)

    def _pass_over(self, _sound: Sound, _ended: bool) -> bool:
        assert self._left is not None
        count = min(self._left, len(self._pending))
        self._left -= count
        self._go_on(count, self._pass_over if self._left else self._pad)
        return not self._left

    def _pad(self, _sound: Sound, _ended: bool) -> bool:
        """A chunk of odd size is followed by a zero; some writers forget it."""
        if self._odd and not self._pending:
            return False
        return self._go_on(int(self._odd and not self._pending[0]), self._chunk)

    def _begin_data(self, size: int) -> bool:
        if self._form is None:
            raise VoiceError("the WAV has sound before its format; write `fmt ` first")
        self._had_data = True
        if size == _IN_DS64:
            size = min(self._data_bytes, _UNKNOWN)
        self._left, self._odd = (size if size < _UNKNOWN else None), bool(size % 2)
        return self._go_on(8, self._data if size else self._nothing_or_unknown)

    def _nothing_or_unknown(self, _sound: Sound, ended: bool) -> bool:
        """A size of 0 is an empty chunk where another follows, and else one that nobody knew."""
        if len(self._pending) < 8 and not ended:
            return False
        if len(self._pending) >= 8 and self._begins_chunk():
            self._step = self._chunk
        else:
            self._left, self._step = None, self._data
        return bool(self._pending)

    def _begins_chunk(self) -> bool:
        name, size = struct.unpack_from("<4sI", self._pending)
        within = self._passed + 8 + size <= self._file_bytes
        return name in _KNOWN_CHUNKS or (within and all(32 <= byte < 127 for byte in name))

    def _data(self, sound: Sound, ended: bool) -> bool:
        assert self._form is not None
        found = _HEADER.search(self._pending)
        certain = found.start() if found else self._before_header(ended)
        count = certain if self._left is None else min(certain, self._left)
        at_header = found is not None and count == certain
        count -= count % self._form.frame_bytes
        if count:
            samples = self._form.mono(bytes(self._pending[:count]))
            sound.append((self._form.sample_rate, samples))
        if at_header:
            return self._go_on(certain, self._file)
        if self._left is not None:
            self._left -= count
        if self._left is not None and self._left < self._form.frame_bytes:
            return self._go_on(count, self._pass_over)
        self._go_on(count, self._data)
        return False

    def _before_header(self, ended: bool) -> int:
        """Bytes that are sound for certain: a header may begin at the end of what has come."""
        length = len(self._pending)
        if ended:
            return length
        last = range(max(length - _HEADER_BYTES + 1, 0), length)
        return next((at for at in last if self._pending[at] in b"RB"), length)

    def _rubbish(self, _sound: Sound, ended: bool) -> bool:
        """What follows the sound and is not a chunk: passed over up to the next file."""
        found = _HEADER.search(self._pending)
        if found:
            return self._go_on(found.start(), self._file)
        self._go_on(self._before_header(ended), self._rubbish)
        return False

    def _go_on(self, count: int, step: Callable[[Sound, bool], bool]) -> bool:
        del self._pending[:count]
        self._passed += count
        self._step = step
        return True
