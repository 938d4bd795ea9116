# SPDX-License-Identifier: Apache-2.0
"""A made-up board for reports: a tree of files, a benchmark, checks; and what nobody may learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

SECRETS: Final = {
    "serial": "c3d9b8674f4b94f6",
    "machine id": "0123456789abcdef0123456789abcdef",
    "MAC": "00:e0:4c:68:31:07",
    "bare MAC": "00e04c683107",
    "address": "192.168.77.13",
    "IPv6": "fd00:77::13",
    "token": "tok3n-of-the-k1osk",
    "host": "reception-desk-7",
    "network": "CafeMozartGuests",
    "said": "Good morning Mrs Petersen",
    "user": "petersen",
    "person": "Annemarie",
    "folder": "/home/petersen",
    "avatar": "Annemarie-the-face",
    "partition": "petersens-backup",
}
ALL: Final = " ".join(SECRETS.values())


def put(root: Path, name: str, content: str | bytes) -> None:
    """Write a file of the tree."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def board_tree(root: Path, model: str = "Radxa ROCK 4D", more: str = "") -> Path:
    """The files of a Radxa ROCK 4D; `more` is written wherever free text stands."""
    put(root, "proc/device-tree/model", f"{model}\0")
    put(root, "proc/device-tree/compatible", f"radxa,rock-4d\0rockchip,rk3576\0{more}\0")
    put(root, "proc/device-tree/serial-number", SECRETS["serial"] + "\0")
    put(root, "sys/firmware/devicetree/base/serial-number", SECRETS["serial"] + "\0")
    put(root, "etc/machine-id", SECRETS["machine id"] + "\n")
    put(root, "etc/hostname", SECRETS["host"] + "\n")
    put(
        root,
        "etc/passwd",
        f"root:x:0:0:root:/root:/bin/sh\nradxa:x:1000:1000::/home/radxa:/bin/sh\n"
        f"{SECRETS['user']}:x:1001:1001:{SECRETS['person']} P:{SECRETS['folder']}:/bin/sh\n",
    )
    put(root, "sys/class/net/eth0/address", SECRETS["MAC"] + "\n")
    put(root, "proc/meminfo", f"MemTotal:        8123456 kB\nOwner: {more}\n")
    put(
        root,
        "etc/os-release",
        f'PRETTY_NAME="Debian {more}"\nID=debian\nVERSION_ID="12"\nHOME_URL="{more}"\n',
    )
    card = root / "sys/class/drm"
    put(card, "card0/device/uevent", "")
    (card / "card0/device/driver").symlink_to("../../bus/platform/drivers/rockchip-drm")
    put(card, "card0-HDMI-A-1/status", "connected\n")
    put(card, "card0-HDMI-A-1/modes", f"1920x1080\n1920x1080\n1280x720\n{more}\n")
    edid = bytes(21) + bytes((60, 34)) + SECRETS["serial"].encode() + ALL.encode()
    put(card, "card0-HDMI-A-1/edid", edid)
    put(root, "dev/watchdog0", "")
    put(root, "sys/class/watchdog/watchdog0/timeout", "44\n")
    put(root, "sys/class/watchdog/watchdog0/identity", f"Synopsys {more}\n")
    put(root, "dev/rknpu", "")
    put(root, "usr/lib/librknnrt.so", f"library {more}")
    put(root, "sys/module/rknpu/version", f"RKNPU driver: v0.9.8 {more}\n")
    return root


def health(more: str = "") -> dict[str, Any]:
    """A health answer's checks."""
    since = "2027-01-31T08:00:00Z"
    reason = {"code": "audio_muted", "text": f"muted {more}"}
    endpoint = {"code": SECRETS["network"].lower(), "text": more}
    return {
        "audio": {"status": "warn", "observed": more, "since": since, "reasons": [reason]},
        "link": {"status": "pass", "observed": more, "since": since, "reasons": [endpoint]},
        "motion": {"status": "warn", "observed": more, "since": since, "reasons": [endpoint]},
        more or "own": {"status": "pass", "observed": more, "since": since, "reasons": []},
    }


PROBED: Final = (
    f"model={ALL}\nboard=rk3576: {ALL}\nboard.verdict=go\nlibc=glibc 2.36\nlibc.verdict=go\n"
    f"systemd=252\nsystemd.verdict=go\ngl=mali {ALL}\ngl.verdict=go\npartitions={ALL}\n"
    f"partitions.verdict=go\nclock=no RTC\nclock.verdict=limits\nboard_file=rk3576\n"
    f"board_listed=yes\nverdict=limits\n{ALL}.verdict=go\n"
)


def kept_benchmark(folder: Path, more: str = "", fps: float = 31.0) -> Path:
    """benchmark.json as kioskctl bench keeps it."""
    frames = [
        {"scale": 1.0, "frames": 120, "ms_p50": 990 / fps, "ms_p95": 1000 / fps},
        {"scale": 0.7, "frames": 160, "ms_p50": 20.0, "ms_p95": 22.0},
    ]
    avatar = {"pose_ms": 2.5, "sort_ms": 3.0, "cpu_ms": 9.0, "frames": frames}
    avatar["holds"] = {"25": 1.0, "30": 1.0, "60": None}
    parts = {
        "graphics": {
            "driver": "kmsdrm", "width": 1920, "height": 1080, "refresh_hz": 60.0,
            "gl_vendor": f"ARM {more}", "gl_renderer": "Mali-G52 r1 MC3",
            "gl_version": f"OpenGL ES 3.2 {more}", "software": False,
            "fill_pixels_per_s": [10**9, 2 * 10**9, 3 * 10**9],
            "splats_per_s": [10**7, 2 * 10**7, 3 * 10**7],
            "fixed_ms": 1.5, "upload_bytes_per_s": 10**9,
            "blend_ms": {"back_buffer": 3.0, "rgba8": 4.0, "rgb10_a2": None},
        },
        "avatars": {
            "avatars": [
                avatar | {"name": SECRETS["avatar"], "splats": 90000},
                avatar | {"name": "default", "splats": 60000},
            ]
        },
        "speech": {
            "cpu_ms": 9.8, "npu_ms": 5.1, "largest_difference": 0.01, "equal": True, "npu": more,
        },
        "sound": {
            "device": f"plughw:CARD={more}", "rate_hz": 48000, "channels": 2, "period_frames": 480,
            "buffer_frames": 4800, "delay_ms_p50": 60.0, "delay_ms_max": 64.0, "clock_ppm": -12,
            "underruns": 0,
        },
        "flash": {
            "written_bytes": 1 << 24, "bytes_per_s": 40_000_000, "sync_ms_p50": 4.0,
            "sync_ms_max": 9.0, "path": more,
        },
        "soak": {
            "avatar": more, "seconds": 600.0, "slower": 1.02, "limited": [more],
            "throttled": False,
            "samples": [
                {"at_s": 10.0, "fps": 31.0, "ms_p50": 30.0, "celsius": warm, "limited": [more]}
                for warm in (61.0, None)
            ],
        },
    }  # fmt: skip
    told = {
        "format": 1, "measured_at": "2027-01-31T08:00:00Z", "seconds": 170.2,
        "version": "0.1.0+abc123", "board": more, "kernel": more, "machine": more,
        "parts": {
            name: {"status": "measured", "problem": more, "figures": each}
            for name, each in parts.items()
        },
    }  # fmt: skip
    put(folder, "benchmark.json", json.dumps(told))
    return folder
