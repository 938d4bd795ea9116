# SPDX-License-Identifier: Apache-2.0
"""A result as lines that a person reads, and in one line for health."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kioskd.benchmark.parts import PART_WORDS, SOAK
from kioskd.benchmark.result import Result


def in_short(result: Result) -> str:
    """When, on what, and which frame rates the kiosk's own avatar holds."""
    told = [result.measured_at]
    screen = result.figures("graphics")
    if screen:
        told.append(f"{screen['gl_renderer']} at {screen['width']}x{screen['height']}")
    avatars = result.figures("avatars").get("avatars", [])
    if avatars:
        told.append(f"{avatars[0]['name']} holds {_held(avatars[0]['holds'])}")
    if result.failed:
        told.append(f"failed: {', '.join(PART_WORDS[name] for name in result.failed)}")
    return ", ".join(told)


def lines(result: Result) -> Iterator[str]:
    """All that was measured; what was not says why."""
    yield (
        f"measured {result.measured_at} in {result.seconds:.0f} s with {result.version} on "
        f"{result.board or 'this machine'}, kernel {result.kernel}, {result.machine}"
    )
    for name, part in result.parts.items():
        if part.figures and name in _LINES:
            yield from _LINES[name](part.figures)
        if part.status != "measured":
            yield f"{PART_WORDS[name]}: {part.status}: {part.problem}"


def _graphics(told: Mapping[str, Any]) -> Iterator[str]:
    software = ", a software driver: no figures of a GPU" if told["software"] else ""
    yield (
        f"{told['gl_renderer']} ({told['gl_version']}) at {told['width']}x{told['height']}, "
        f"{told['refresh_hz']:g} Hz by {told['driver']}{software}"
    )
    fill, splats = told["fill_pixels_per_s"], told["splats_per_s"]
    yield (
        f"fills {fill[1] / 1e9:.2f} G pixels a second ({fill[0] / 1e9:.2f} to {fill[2] / 1e9:.2f})"
    )
    yield (
        f"projects {splats[1] / 1e6:.1f} M splats a second "
        f"({splats[0] / 1e6:.1f} to {splats[2] / 1e6:.1f})"
    )
    yield (
        f"takes {told['upload_bytes_per_s'] / 1e6:.0f} MB a second of data, "
        f"{told['fixed_ms']:.2f} ms for an empty frame"
    )
    blend = ", ".join(
        f"{name} {'not possible' if value is None else f'{value:.2f} ms'}"
        for name, value in told["blend_ms"].items()
    )
    yield f"blending by format: {blend}"


def _avatars(told: Mapping[str, Any]) -> Iterator[str]:
    for each in told["avatars"]:
        yield (
            f"{each['name']}, {each['splats']} splats: CPU {each['cpu_ms']:.2f} ms a frame (pose "
            f"{each['pose_ms']:.2f}, sort {each['sort_ms']:.2f}); holds {_held(each['holds'])}"
        )
        frames = ", ".join(f"{row['scale']:g}: {row['ms_p95']:.1f}" for row in each["frames"])
        yield f"   ms that 95 of 100 frames take, by internal scale: {frames}"


def _held(holds: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{rate} fps {'at no scale' if scale is None else f'at scale {scale:g}'}"
        for rate, scale in holds.items()
    )


def _speech(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"lip-sync net: CPU {told['cpu_ms']:.1f} ms for a second of sound"
    if told["npu_ms"] is None or told["largest_difference"] is None:
        yield f"   no NPU: {told['npu']}"
    else:
        equal = "equal" if told["equal"] else "NOT equal"
        apart = f"{equal}, controls differ by {told['largest_difference']:.5f} of 1"
        yield f"   NPU {told['npu_ms']:.1f} ms, {apart}"


def _sound(told: Mapping[str, Any]) -> Iterator[str]:
    rate = told["rate_hz"]
    drift = told["clock_ppm"]
    clock = "no clock of its own" if drift is None else f"clock {drift:+d} ppm"
    yield (
        f"sound {told['device']}: {rate} Hz, period {told['period_frames'] / rate * 1e3:.1f} ms, "
        f"buffer {told['buffer_frames'] / rate * 1e3:.0f} ms, delay {told['delay_ms_p50']:.1f} ms "
        f"(at most {told['delay_ms_max']:.1f}), {clock}, "
        f"{told['underruns']} underruns"
    )


def _flash(told: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"storage: {told['bytes_per_s'] / 1e6:.1f} MB a second written and synced; 4 KiB in "
        f"{told['sync_ms_p50']:.1f} ms, at most {told['sync_ms_max']:.1f}"
    )


def _soak(told: Mapping[str, Any]) -> Iterator[str]:
    celsius = [row["celsius"] for row in told["samples"] if row["celsius"] is not None]
    warmth = f"up to {max(celsius):.0f} °C" if celsius else "no sensor"
    held = f"held down: {', '.join(told['limited'])}" if told["limited"] else "nothing held down"
    verdict = "THROTTLED" if told["throttled"] else "not throttled"
    yield (
        f"heat: {told['seconds']:.0f} s of {told['avatar']}, {warmth}, frames {told['slower']:.2f} "
        f"times as long at the end, {held}: {verdict}"
    )


_LINES = {
    "graphics": _graphics,
    "avatars": _avatars,
    "speech": _speech,
    "sound": _sound,
    "flash": _flash,
    SOAK: _soak,
}
