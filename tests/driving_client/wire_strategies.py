# SPDX-License-Identifier: Apache-2.0
"""Messages of the wire for hypothesis, of every kind and with any content."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from driving_client.wire.codec import (
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    PlaybackStateMessage,
    Resume,
    ServerError,
    WireMessage,
)

text = st.text(max_size=40)
frames = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.just(120)),
    elements=st.floats(-3, 3, width=32, allow_subnormal=False),
)
animations = st.builds(Animation, text, frames, st.booleans(), text)
messages: st.SearchStrategy[WireMessage] = st.one_of(
    animations,
    st.builds(AudioInput, text, st.binary(max_size=100), st.booleans()),
    st.builds(
        ConfigureSession,
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**31 - 1),
        st.sampled_from([0, 1]),
        st.dictionaries(text, text, max_size=3),
    ),
    st.builds(ConfirmSession, text, st.lists(text, max_size=3).map(tuple)),
    st.builds(ServerError, st.integers(-(2**31), 2**31 - 1), text, text, text),
    st.builds(Interrupt, text),
    st.builds(Pause, text),
    st.builds(Resume, text),
    st.builds(
        PlaybackStateMessage, text, st.sampled_from([0, 1, 2, 3, 4]), st.integers(0, 2**62), text
    ),
)


def same(one: WireMessage, other: WireMessage) -> bool:
    if isinstance(one, Animation) and isinstance(other, Animation):
        fields = ("request_id", "end", "connection_id", "dropped")
        return np.array_equal(one.frames, other.frames) and all(
            getattr(one, name) == getattr(other, name) for name in fields
        )
    return one == other
