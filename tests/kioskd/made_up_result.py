# SPDX-License-Identifier: Apache-2.0
"""A benchmark's result as a board could keep it; made up, measured nowhere."""

from __future__ import annotations

from typing import Any


def made_up_result() -> dict[str, Any]:
    """A document of result.schema.json with every part in it."""

    def measured(**figures: Any) -> dict[str, Any]:
        return {"status": "measured", "problem": "", "figures": figures}

    def frames(scale: float, milliseconds: float) -> dict[str, Any]:
        return {"scale": scale, "frames": 90, "ms_p50": milliseconds - 1, "ms_p95": milliseconds}

    return {
        "format": 1,
        "measured_at": "2026-01-02T03:04:05Z",
        "seconds": 170.0,
        "version": "0.1.0",
        "board": "rk3576",
        "kernel": "6.1.75",
        "machine": "aarch64",
        "parts": {
            "graphics": measured(
                driver="kmsdrm",
                width=1080,
                height=1920,
                refresh_hz=60.0,
                gl_vendor="ARM",
                gl_renderer="Mali-G52",
                gl_version="OpenGL ES 3.2",
                software=False,
                fill_pixels_per_s=[1_900_000_000, 2_000_000_000, 2_100_000_000],
                splats_per_s=[30_000_000, 40_000_000, 50_000_000],
                fixed_ms=1.5,
                upload_bytes_per_s=900_000_000,
                blend_ms={"back_buffer": 9.0, "rgba8": 11.0, "rgb10_a2": None},
            ),
            "avatars": measured(
                avatars=[
                    {
                        "name": "default",
                        "splats": 20_000,
                        "pose_ms": 0.8,
                        "sort_ms": 1.9,
                        "cpu_ms": 5.0,
                        "frames": [frames(1.0, 40.0), frames(0.5, 15.0)],
                        "holds": {"25": 1.0, "30": 0.5, "60": None},
                    }
                ]
            ),
            "speech": measured(
                cpu_ms=9.0, npu_ms=2.0, largest_difference=0.004, equal=True, npu="measured"
            ),
            "sound": measured(
                device="plughw:CARD=HDMI",
                rate_hz=48_000,
                channels=2,
                period_frames=480,
                buffer_frames=4800,
                delay_ms_p50=39.0,
                delay_ms_max=41.0,
                clock_ppm=-12,
                underruns=0,
            ),
            "flash": measured(
                written_bytes=16 << 20, bytes_per_s=40_000_000, sync_ms_p50=3.0, sync_ms_max=20.0
            ),
            "soak": measured(
                avatar="default",
                seconds=600.0,
                slower=1.2,
                limited=["cpufreq-cpu0"],
                throttled=True,
                samples=[
                    {"at_s": 10.0, "fps": 60.0, "ms_p50": 14.0, "celsius": 55.0, "limited": []}
                ],
            ),
        },
    }
