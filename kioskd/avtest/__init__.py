# SPDX-License-Identifier: Apache-2.0
"""A flash and a click each second, for a person who films them: what no clock of ours can tell.

kioskd's own sync offset ends where its clocks end: it knows neither the amplifier nor the panel.
A film has both, so the error is the distance of flash and click in it. That holds for speech only
if both go its ways. So the daemon runs as it always does, with a link that plays one utterance of
clicks (`clicks`, `link`) in place of the endpoint's; the avatar is posed and drawn as in speech,
by which the time for drawing stays the same; and over it lies a picture (`picture`, `film`) whose
moment is chosen from the same snapshot of the sound, with the same latency, as that of the lips.

A frame rarely falls on a click. So the picture has the milliseconds from the nearest click to the
moment that its frame was drawn for: what the film shows less these is the error, to a film's frame.

Left out on purpose: a microphone. kioskctl asks for it as for a benchmark (`benchmark/request.py`).
"""
