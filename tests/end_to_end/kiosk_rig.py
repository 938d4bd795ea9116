# SPDX-License-Identifier: Apache-2.0
"""A kiosk and its endpoint as processes, and what is seen and heard of them."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pygame
from numpy.typing import NDArray
from processes import Process, fetch, metric, until
from sound_server import SoundServer

from splat_gles.bundle import read_bundle
from test_stand.seen_mouth import Picture, SeenMouth

SIZE = (270, 480)
Start: TypeAlias = Callable[..., Process]


def start_endpoint(start: Start, port: int = 0) -> tuple[Process, str]:
    endpoint = start("driving_client.endpoint", "--port", str(port))
    return endpoint, endpoint.wait_for(r"listening on (http://\S+)")[1]


def start_kioskd(
    start: Start, folder: Path, avatar: Path, sound: SoundServer, endpoint: str, more: str = ""
) -> tuple[Process, str]:
    config = folder / "kiosk.yaml"
    config.write_text(
        f"""
avatar: {{path: "{avatar}"}}
display: {{driver: offscreen, width: {SIZE[0]}, height: {SIZE[1]}, frame_rate: 30}}
audio: {{device: "{sound.recording_device}"}}
endpoint: {{{endpoint}}}
health: {{port: 0}}
{more}
"""
    )
    kioskd = start("kioskd", "--config", str(config))
    url = kioskd.wait_for(r"look_at: .*(http://\S+)")[1].rstrip("/")
    kioskd.wait_for("ready: ")
    return kioskd, url


def screenshot(url: str) -> Picture:
    surface = pygame.image.load(io.BytesIO(fetch(f"{url}/screenshot.png")), "shot.png")
    assert surface.get_size() == SIZE
    return pygame.surfarray.array3d(surface).swapaxes(0, 1).astype(np.float64)


def seen_mouth(avatar: Path) -> SeenMouth:
    """What tells how open the mouth in a screenshot of this avatar is."""
    return SeenMouth(read_bundle(avatar), SIZE)


def recorded(path: Path) -> tuple[NDArray[np.int16], int]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples.reshape(-1, file.getnchannels())[:, 0], file.getframerate()


def loud_seconds(path: Path, most: float = 60.0) -> tuple[float, float]:
    """From the first to the last loud 10 ms, at most `most` seconds later, and the mean level."""
    samples, rate = recorded(path)
    hop = rate // 100
    blocks = samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64)
    level = np.sqrt(np.mean(blocks**2, axis=1))
    loud = np.flatnonzero(level > 300)
    assert loud.size, "nothing was played"
    loud = loud[loud < loud[0] + 100 * most]
    return float(loud[-1] - loud[0] + 1) / 100, float(level[loud[0] : loud[-1] + 1].mean())


def outcomes(url: str, outcome: str) -> float:
    return metric(url, f'kiosk_utterances_total{{outcome="{outcome}"}}')


def wait_for_outcome(url: str, outcome: str) -> None:
    until(
        lambda: True if outcomes(url, outcome) else None,
        lambda: f"no utterance {outcome}: {fetch(f'{url}/healthz').decode()}",
    )


def ready(url: str) -> bool | None:
    try:
        fetch(f"{url}/readyz")
    except OSError:
        return None
    return True
