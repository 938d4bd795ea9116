# SPDX-License-Identifier: Apache-2.0
"""The report as a page to read: the figures that a person looks for first, in lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Told = Mapping[str, Any]
_NAME: Final = 10
NOT_TOLD: Final = "not told"
FULL: Final = 0.99
"""From this internal scale on the resolution is the screen's own."""


def page(report: Told) -> str:
    """Of a report as the form has it; every field may be missing but the needed ones."""
    lines = [
        f"Report of the board {report['board']}, kiosk {report['version']}, "
        f"{report.get('date', 'the clock was not set')}",
        "",
    ]
    for name, words in _lines(report):
        lines.append(f"{name:<{_NAME}}  {words}")
    return "\n".join(lines) + "\n"


def _lines(report: Told) -> Iterator[tuple[str, str]]:
    machine, system = report.get("machine", {}), report.get("system", {})
    yield (
        "machine",
        _joined(
            machine.get("model"),
            ", ".join(machine.get("compatible", [])),
            machine.get("arch"),
            f"{machine['cores']} cores" if "cores" in machine else None,
            f"{machine['memory_mib']} MiB" if "memory_mib" in machine else None,
        ),
    )
    yield "system", _joined(vendor_system(report), f"glibc {system.get('libc', '?')}")
    yield "screen", screen(report)
    yield (
        "GL",
        _joined(*(report.get("gl", {}).get(key) for key in ("renderer", "version", "driver"))),
    )
    yield "sound", sound(report)
    yield "microphone", microphone(report)
    yield "mixer", _mixer(report.get("sound", {}).get("mixer", {}))
    yield "NPU", npu(report)
    yield "watchdog", watchdog(report)
    probe = report.get("probe")
    if probe is None:
        yield "probe", "not there"
    else:
        yield "probe", f"{probe['verdict']}, nearest board file {probe.get('board_file', '?')}"
        yield from _unwell("", probe.get("verdicts", {}), "go")
    yield "kioskd", "answers" if report.get("kioskd") else "does not answer"
    checks = report.get("checks", {})
    yield "checks", f"{len(checks)}, of which {_count(checks)} pass"
    for name, check in checks.items():
        if check["status"] != "pass":
            yield "", f"{check['status']}  {name}: {', '.join(check.get('codes', []))}"
    yield "bench", bench(report)
    for part, told in report.get("bench", {}).items():
        if isinstance(told, dict) and told["status"] != "measured":
            yield "", f"{told['status']}  {part}"


def vendor_system(report: Told) -> str:
    """The vendor's system and kernel in a few words."""
    system = report.get("system", {})
    kernel = " ".join([system.get("kernel", "?"), *system.get("kernel_words", [])])
    named = " ".join(filter(None, (system.get("os"), system.get("os_version"))))
    return f"{named or NOT_TOLD}, Linux {kernel}"


def screen(report: Told) -> str:
    """The connected screens with their best modes."""
    found = [
        " ".join([outlet["name"], *outlet.get("modes", [])[:1]])
        for card in report.get("cards", [])
        for outlet in card.get("outlets", [])
        if outlet.get("status") == "connected"
    ]
    return ", ".join(found) or "none"


def sound(report: Told) -> str:
    """The card that the voice goes to, by the words in its name."""
    told = report.get("sound", {})
    if not told.get("cards"):
        return "none"
    if "chosen" not in told:
        return "none chosen"
    return " ".join(told["chosen"]) or "of unknown name"


def microphone(report: Told) -> str:
    """The cards that record, by the words in their names."""
    found = report.get("sound", {}).get("microphones", [])
    return ", ".join(" ".join(words) or "of unknown name" for words in found) or "none"


def npu(report: Told) -> str:
    """The NPU's driver and what it takes for a second of sound."""
    told, speech = report.get("npu", {}), report.get("bench", {}).get("speech", {})
    if not told.get("device"):
        return "none"
    words = f"driver {told.get('driver', '?')}"
    if not told.get("library"):
        return f"{words}, no library"
    if "npu_ms" in speech:
        equal = "" if speech.get("equal") else ", not equal"
        return f"{words}, {speech['npu_ms']:.1f} ms (CPU {speech.get('cpu_ms', 0):.1f}){equal}"
    return words


def watchdog(report: Told) -> str:
    """Whether there is one."""
    told = report.get("watchdog", {"there": False})
    if not told["there"]:
        return "none"
    return f"{told['timeout_s']} s" if "timeout_s" in told else "there"


def bench(report: Told) -> str:
    """Frames a second at the screen's own resolution."""
    if "bench" not in report:
        return "nothing measured; `kioskctl bench` takes three minutes"
    rate = measured_rate(report)
    if rate is None:
        return "no avatar measured"
    fps, splats, (width, height) = rate
    return f"{fps:.0f} frames a second at {width}x{height}, {splats} splats"


def measured_rate(report: Told) -> tuple[float, int, tuple[int, int]] | None:
    """What 95 of 100 frames hold at full resolution: frames a second, splats, size.

    Of the first avatar that came with the kiosk; None where none was measured.
    """
    told = report.get("bench", {})
    size = told.get("graphics", {}).get("width"), told.get("graphics", {}).get("height")
    for avatar in told.get("avatars", {}).get("avatars", []):
        full = [each for each in avatar["frames"] if each["scale"] >= FULL and each["ms_p95"] > 0]
        if avatar["name"] != "other" and full and None not in size:
            return 1e3 / full[0]["ms_p95"], avatar["splats"], size
    return None


def _mixer(told: Told) -> str:
    words = [
        f"{name} {'muted, ' if each.get('muted') else ''}{each.get('volume_percent', '?')} %"
        for name, each in told.items()
    ]
    return ", ".join(words) or NOT_TOLD


def _unwell(name: str, verdicts: Told, good: str) -> Iterator[tuple[str, str]]:
    for each, verdict in verdicts.items():
        if verdict != good:
            yield name, f"{verdict}  {each}"


def _count(checks: Told) -> int:
    return sum(check["status"] == "pass" for check in checks.values())


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part) or NOT_TOLD
