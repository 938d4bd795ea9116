# SPDX-License-Identifier: Apache-2.0
"""The few figures that a person looks at, as words; machines read /metrics."""

from __future__ import annotations

from kioskd.metrics import Metrics
from kioskd.playback.snapshot import PlayerSnapshot
from kioskd.process_figures import resident_bytes
from kioskd.screen.snapshot import RenderSnapshot


def figures(
    render: RenderSnapshot, player: PlayerSnapshot, metrics: Metrics, benchmark: str
) -> dict[str, str]:
    """Name to value with unit, in the order in which they are shown."""
    offset = player.sync_offset_s
    speech = metrics.registry.get_sample_value("kiosk_speech_seconds_total") or 0.0
    received = metrics.registry.get_sample_value(
        "kiosk_link_bytes_total", {"direction": "received"}
    )
    return {
        "state": player.state.value,
        "gesture": player.gesture,
        "frames a second": f"{render.fps:.1f}",
        "frames missed": f"{render.missed}",
        "resolution": _quality(render),
        "frame time used": "none yet" if render.quality is None else f"{render.quality.load:.0%}",
        "lips after sound": "none yet" if offset is None else f"{-1000 * offset:+.0f} ms",
        "speech so far": f"{speech:.1f} s",
        "received": _size(received or 0.0),
        "memory": _size(resident_bytes()),
        "benchmark": benchmark,
    }


def _quality(render: RenderSnapshot) -> str:
    state = render.quality
    if state is None:
        return "none yet"
    rate = ", half the rate" if state.step.divisor > 1 else ""
    return f"{state.step.scale:.0%}{rate}"


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} KB"
