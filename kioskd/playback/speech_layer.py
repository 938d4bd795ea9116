# SPDX-License-Identifier: Apache-2.0
"""Head, brows and cheeks over a speech that leaves them still: the voice moves them.

Lips made from the sound, the embedded endpoint's motion and streams that drive the mouth alone hold
nothing above it. What a stream moves itself is left alone, group by group (`stillness`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.playback.face import Face
from kioskd.playback.transition import Transition
from kioskd.playback.turn import Turn
from kioskd.playback.upper_face import UpperFace
from kioskd.prosody.speaking import SpeakingGestures
from kioskd.prosody.strokes import BROWS, CHEEKS, HEAD

_TAKEN_OVER_S: Final = 0.5
"""How long it takes to leave a group to a stream that begins to move it, or to come back."""

_JOIN_S: Final = 0.32
"""As the head joins speech. Gestures that begin at rest are joined at rest, and lose nothing."""

_ALL: Final = np.ones(3, np.float32)


class SpeechLayer:
    """What is added to the pose; used by the render thread only."""

    def __init__(self, face: Face, upper: UpperFace) -> None:
        self._upper = upper
        self._nothing = face.rest()
        self._transition = Transition(self._nothing, None)
        self._ticket: int | None = None
        self._gestures: SpeakingGestures | None = None
        self._share = _ALL
        self._shared_at: float | None = None

    @property
    def shown(self) -> FloatArray:
        """What is added to the pose."""
        return self._transition.shown

    def listen(self, turn: Turn, heard_s: float) -> None:
        """Hear the turn's voice ahead of `heard_s`; once per frame from the turn's start on."""
        if self._gestures is None or turn.ticket != self._ticket:
            self._ticket = turn.ticket
            # The same words said again are another ticket's: nobody moves alike twice
            seed = f"{turn.ticket} {turn.utterance.request_id}"
            self._gestures = SpeakingGestures(turn.utterance, seed)
            self._shared_at = None
        self._gestures.listen(heard_s)

    def follow(self, now: float, heard_s: float, still: FloatArray | None) -> None:
        """Move with what is heard; `still`: which groups are ours, all where it is None."""
        assert self._gestures is not None
        wanted = _ALL if still is None else still
        if self._shared_at is None:
            self._share = wanted
        else:
            most = np.float32((now - self._shared_at) / _TAKEN_OVER_S)
            self._share = self._share + np.clip(wanted - self._share, -most, most)
        self._shared_at = now
        channels = self._gestures.at(heard_s)
        shares = self._share * self._share * (3.0 - 2.0 * self._share)
        for group, share in zip((HEAD, BROWS, CHEEKS), shares, strict=True):
            channels[group] *= share
        self._transition.follow(now, self._ticket, self._upper.layer(channels), _JOIN_S)

    def leave(self, now: float, durations: FloatArray) -> None:
        """Ease out, over so many seconds for each place of the pose."""
        self._shared_at = None
        self._transition.follow(now, None, self._nothing, durations)

    def phrase_ends(self, now: float, heard_s: float) -> tuple[float, ...]:
        """Known ends of phrases, the last second's and coming ones, in the clock of `now`."""
        if self._gestures is None:
            return ()
        return tuple(
            now + end - heard_s for end in self._gestures.phrase_ends if end > heard_s - 1.0
        )
