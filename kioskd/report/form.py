# SPDX-License-Identifier: Apache-2.0
"""Every field that a report may have. `board/report.schema.json` is made of this table.

A new field is one here and one in the part that finds it; another form raises FORMAT. Texts are
words of lists, or of forms that hold neither a serial number, an address nor a path.
"""

from __future__ import annotations

from typing import Any, Final

from kioskd.report.shapes import Listing, Number, Record, Switch, Text, Word, table

FORMAT: Final = 1
CHECKS: Final = (
    "audio", "avatar", "certificate", "config", "configuration", "display", "ears",
    "graphics libraries", "groups", "http", "identity", "kernel", "loudspeaker", "mixer", "npu",
    "npu parts", "presence", "provisioning", "render_loop", "room", "screen", "services", "slots",
    "sound card", "storage", "thermal", "time", "update", "watchdog",
)  # fmt: skip
"""Those that tell of the board. `link` and `motion` tell what an endpoint said."""
VERDICTS: Final = ("go", "limits", "no-go")
JUDGED: Final = (
    "architecture", "board", "libc", "systemd", "squashfs", "squashfs-xz", "loop", "ext4",
    "cgroups", "seccomp", "openssl", "memory", "screen", "gl", "gpu", "renderer", "sound", "npu",
    "partitions", "free-var-lib", "free-var-tmp", "root", "clock", "watchdog", "thermal", "desktop",
)  # fmt: skip
"""What board/probe.sh judges, but for each card's line."""
SYSTEMS: Final = ("debian", "ubuntu", "armbian", "poky", "rity", "buildroot", "other")
KERNEL_WORDS: Final = (
    "rockchip", "rkr", "rk3576", "mtk", "mediatek", "vendor", "armbian", "radxa", "friendly",
    "arm64", "amd64", "aarch64", "generic", "android", "yocto", "rt", "edge", "current", "legacy",
)  # fmt: skip
SOUND_WORDS: Final = (
    "hdmi", "dp", "spdif", "analog", "codec", "rockchip", "es8323", "es8326", "es8388", "rt5616",
    "rt5651", "mt6358", "mt6359", "mt6768", "mt6769", "mt8188", "mt8189", "mt8371", "mt8391",
    "intel", "hda", "virtio", "simple", "loopback", "dummy", "usb",
)  # fmt: skip
CONTROLS: Final = ("Master", "PCM", "Digital", "DAC", "HDMI", "Headphone", "Speaker", "Line")
SHIPPED_AVATARS: Final = ("default", "samuel")
OTHER: Final = "other"
LIMITS: Final = (
    "MAX_TEXTURE_SIZE", "MAX_RENDERBUFFER_SIZE", "MAX_3D_TEXTURE_SIZE", "MAX_ARRAY_TEXTURE_LAYERS",
    "MAX_UNIFORM_BLOCK_SIZE", "MAX_VERTEX_UNIFORM_VECTORS", "MAX_FRAGMENT_UNIFORM_VECTORS",
    "MAX_VERTEX_TEXTURE_IMAGE_UNITS", "MAX_TEXTURE_IMAGE_UNITS", "MAX_VERTEX_ATTRIBS",
    "MAX_VARYING_VECTORS", "MAX_SAMPLES", "MAX_ELEMENTS_VERTICES", "MAX_ELEMENTS_INDICES",
    "MAX_TRANSFORM_FEEDBACK_INTERLEAVED_COMPONENTS",
)  # fmt: skip
PACKAGES: Final = ("numpy", "pygame-ce", "PyOpenGL", "aiohttp", "pyalsaaudio", "rknn-toolkit-lite2")

NAME: Final = "[a-z0-9][a-z0-9-]{0,30}"
DATE: Final = r"20\d\d-[01]\d-[0-3]\d"
VERSION: Final = r"\d{1,5}(\.\d{1,5}){0,3}((\.dev|\.post|rc|a|b)\d{1,5})?(\+[0-9a-z.]{1,48})?"
MODE: Final = r"\d{2,5}x\d{2,5}i?"
MODEL: Final = r"(?!.*\d{6})[A-Za-z][A-Za-z0-9]{0,15}([ -][A-Za-z0-9+.]{1,16}){0,9}"
RENDERER: Final = (
    r"(Mali|Immortalis|llvmpipe|softpipe|SwiftShader|PowerVR|Adreno|FD|V3D|Vivante|virgl|zink)"
    r"(?!.*\d{7})[ A-Za-z0-9.,()-]{0,70}"
)
_DRIVER: Final = "[a-z][a-z0-9_-]{1,24}"
_MS: Final = Number(0, 1e6, whole=False)
_RATE: Final = Number(0, 1e15, whole=False)
_PART: Final = Word(("measured", "absent", "failed"), "What kioskctl bench says of it.")


def _part(fields: dict[str, Any], text: str) -> Record:
    return Record({"status": _PART, **fields}, ("status",), text)


BENCH: Final = Record(
    {
        "format": Number(1, 1),
        "date": Text(DATE, "By the board's clock."),
        "version": Text(VERSION),
        "seconds": Number(0, 1e5, whole=False),
        "graphics": _part(
            {
                "driver": Word(("kmsdrm", "x11", "wayland", "offscreen")),
                "width": Number(1, 16384),
                "height": Number(1, 16384),
                "refresh_hz": Number(0, 1000, whole=False),
                "gl_renderer": Text(RENDERER),
                "software": Switch("The processor drew."),
                "fill_pixels_per_s": Listing(_RATE, 3, "Slowest, middle and fastest round."),
                "splats_per_s": Listing(_RATE, 3),
                "fixed_ms": _MS,
                "upload_bytes_per_s": _RATE,
                "blend_ms": table(("back_buffer", "rgba8", "rgb10_a2"), _MS),
            },
            "The graphics processor, at the screen's size.",
        ),
        "avatars": _part(
            {
                "avatars": Listing(
                    Record(
                        {
                            "name": Word((*SHIPPED_AVATARS, OTHER), "Your own are `other`."),
                            "splats": Number(1, 10_000_000),
                            "pose_ms": _MS,
                            "sort_ms": _MS,
                            "cpu_ms": _MS,
                            "frames": Listing(
                                Record(
                                    {
                                        "scale": Number(0.05, 1, whole=False),
                                        "frames": Number(1, 1e7),
                                        "ms_p50": _MS,
                                        "ms_p95": _MS,
                                    },
                                    ("scale", "ms_p50", "ms_p95"),
                                ),
                                16,
                                "At each internal resolution.",
                            ),
                            "holds": table(("25", "30", "60"), Number(0.05, 1, whole=False)),
                        },
                        ("name", "splats", "frames"),
                    ),
                    8,
                )
            },
            "Each avatar, at the screen's size.",
        ),
        "speech": _part(
            {
                "cpu_ms": _MS,
                "npu_ms": _MS,
                "largest_difference": Number(0, 1e6, whole=False),
                "equal": Switch(),
            },
            "The lip-sync net, for a second of sound.",
        ),
        "sound": _part(
            {
                "rate_hz": Number(1, 1_000_000),
                "channels": Number(1, 64),
                "period_frames": Number(1, 1_000_000),
                "buffer_frames": Number(1, 10_000_000),
                "delay_ms_p50": _MS,
                "delay_ms_max": _MS,
                "clock_ppm": Number(-1_000_000, 1_000_000),
                "underruns": Number(0, 1_000_000),
            },
            "The sound device.",
        ),
        "flash": _part(
            {
                "written_bytes": Number(0, 1 << 40),
                "bytes_per_s": _RATE,
                "sync_ms_p50": _MS,
                "sync_ms_max": _MS,
            },
            "The storage.",
        ),
        "soak": _part(
            {
                "seconds": Number(0, 1e6, whole=False),
                "slower": Number(0, 1e4, text="Last frames against first.", whole=False),
                "throttled": Switch(),
                "hottest_celsius": Number(-50, 200, whole=False),
            },
            "Minutes of heat.",
        ),
    },
    ("format",),
    "What kioskctl bench keeps.",
)
REPORT: Final = Record(
    {
        "format": Number(FORMAT, FORMAT, "Of this report."),
        "date": Text(DATE, "By the board's clock; left out where that was never set."),
        "version": Text(VERSION, "Of the kiosk."),
        "board": Text(NAME, "The board's folder under board/ that the image was built for."),
        "machine": Record(
            {
                "model": Text(MODEL, "As the device tree has it."),
                "compatible": Listing(Text("[a-z0-9]{2,20},[a-z0-9._-]{1,40}"), 8),
                "arch": Word(("aarch64", "armv7l", "x86_64", OTHER)),
                "cores": Number(1, 1024),
                "memory_mib": Number(1, 1 << 24),
            },
        ),
        "system": Record(
            {
                "os": Word(SYSTEMS),
                "os_version": Text(r"\d{1,4}(\.\d{1,3}){0,2}"),
                "kernel": Text(r"\d{1,3}\.\d{1,4}(\.\d{1,5})?"),
                "kernel_words": Listing(Word(KERNEL_WORDS), 8, "Found in the kernel's release."),
                "libc": Text(r"\d{1,3}\.\d{1,4}(\.\d{1,4})?"),
                "python": Text(r"3\.\d{1,3}\.\d{1,3}"),
                "packages": table(PACKAGES, Text(VERSION)),
            },
        ),
        "probe": Record(
            {
                "verdict": Word(VERDICTS),
                "board_file": Text(NAME),
                "listed": Switch("Whether that board file names this chip."),
                "verdicts": table(JUDGED, Word(VERDICTS)),
                "systemd": Number(1, 9999),
                "gl": Listing(Word(("mali", "mesa", "powervr", "vivante", "nvidia")), 3),
            },
            ("verdict",),
            "board/probe.sh.",
        ),
        "kioskd": Switch("Whether kioskd answered; its checks are there only then."),
        "checks": table(
            CHECKS,
            Record(
                {
                    "status": Word(("pass", "warn", "fail")),
                    "codes": Listing(Text("[a-z][a-z0-9_]{1,40}"), 16),
                },
                ("status",),
            ),
            "kioskctl doctor's, without their words.",
        ),
        "cards": Listing(
            Record(
                {
                    "driver": Text(_DRIVER),
                    "outlets": Listing(
                        Record(
                            {
                                "name": Text(r"[A-Za-z]{2,10}(-[A-Z])?-\d{1,3}"),
                                "status": Word(("connected", "disconnected", "unknown")),
                                "modes": Listing(Text(MODE), 64, "The best first."),
                                "width_cm": Number(1, 1000),
                                "height_cm": Number(1, 1000),
                            },
                            ("name",),
                        ),
                        16,
                    ),
                },
            ),
            16,
            "The graphics cards of the kernel.",
        ),
        "gl": Record(
            {
                "renderer": Text(RENDERER),
                "version": Text(r"OpenGL ES \d\.\d"),
                "driver": Text(r"(Mesa \d{1,3}\.\d{1,3}\.\d{1,3}|v1\.[rg]\d{1,3}p\d{1,2})"),
                "limits": table(LIMITS, Number(-1, 1 << 40), "GL_MAX_…"),
                "extensions": Listing(Text(r"GL_[A-Z0-9]{2,10}_[A-Za-z0-9_]{1,60}"), 400),
            },
            text="A context without a screen, made by the user who asked.",
        ),
        "sound": Record(
            {
                "cards": Listing(
                    Listing(Word(SOUND_WORDS), 8), 16, "What the names of cards that play hold."
                ),
                "chosen": Listing(Word(SOUND_WORDS), 8),
                "microphones": Listing(
                    Listing(Word(SOUND_WORDS), 8), 16, "What the names of cards that record hold."
                ),
                "mixer": table(
                    CONTROLS, Record({"muted": Switch(), "volume_percent": Number(0, 100)})
                ),
            },
        ),
        "npu": Record(
            {
                "device": Switch(),
                "library": Switch("librknnrt.so."),
                "driver": Text(r"\d{1,2}\.\d{1,3}\.\d{1,3}"),
            },
        ),
        "watchdog": Record({"there": Switch(), "timeout_s": Number(0, 100_000)}, ("there",)),
        "bench": BENCH,
    },
    ("format", "version", "board"),
)


def schema() -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of a report."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"kioskctl report, format {FORMAT}",
        **REPORT.schema(),
    }
