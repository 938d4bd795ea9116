# SPDX-License-Identifier: Apache-2.0
"""What kioskctl can do; each command returns its exit status."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kioskd.ctl.client import Client, ControlError
from kioskd.ctl.printing import print_checks, show


def status(client: Client, _options: argparse.Namespace) -> int:
    """A line for the kiosk and the figures; exit status 1 when something fails."""
    health = client.health()
    checks: dict[str, Any] = health["checks"]
    which = [f"{word} {health[word]}" for word in ("serial", "board", "slot") if health.get(word)]
    named = f" ({', '.join(which)})" if which else ""
    show(f"kioskd {health['version']}{named}: {health['status']}, up {health['uptime_s']:.0f} s")
    for name, value in health.get("figures", {}).items():
        show(f"  {name}: {value}")
    for name, check in checks.items():
        if check["status"] != "pass":
            show(f"  {name}: {check['status']}: {_codes(check)}")
    return 1 if health["status"] == "fail" else 0


def doctor(client: Client, options: argparse.Namespace) -> int:
    """Every check with what it saw and what to do; exit status 1 unless all pass."""
    if options.sound:
        # Not at the top: it loads much that install and mark-good must not depend on
        from kioskd.ctl.sound_check import ask_kiosk, tell_sound

        return tell_sound(lambda: ask_kiosk(client))
    health = client.health()
    print_checks(health["checks"])
    return 0 if health["status"] == "pass" else 1


def screenshot(client: Client, options: argparse.Namespace) -> int:
    """Write what is on screen now as PNG."""
    code, body = client.get("screenshot.png")
    if code != 200 or not body.startswith(b"\x89PNG"):
        raise ControlError(f"no screenshot ({code}): {body[:300].decode('utf-8', 'replace')}")
    output: Path = options.output
    try:
        output.write_bytes(body)
    except OSError as error:
        raise ControlError(f"{output} cannot be written: {error.strerror}") from error
    show(f"{output}: {len(body)} bytes")
    return 0


def say(client: Client, options: argparse.Namespace) -> int:
    """Let the avatar say a text; `-` reads it from standard input."""
    words = " ".join(options.text)
    text = sys.stdin.read() if words == "-" else words
    told = client.post("v1/say", {"text": text})
    seconds = f"{told['seconds']} s of speech" if "seconds" in told else ""
    show(", ".join(filter(None, [seconds, str(told.get("req_id", ""))])))
    return 0


def interrupt(client: Client, _options: argparse.Namespace) -> int:
    """Silence the avatar now."""
    told = client.post("v1/interrupt", {})
    if told.get("interrupted") is False:
        show("nothing was being said")
    return 0


def gesture(client: Client, options: argparse.Namespace) -> int:
    """Let the avatar listen, think, greet or idle. It is for the software that hears people and
    makes the answers: `listen` when somebody begins to talk, `think` while the answer is being
    made, `idle` when none comes. A voice that begins ends every gesture and none shows before its
    end (exit status 1); a loop goes on until playback.gesture_limit_s, any other plays once.
    """
    told = client.post("v1/gesture", {"name": options.name})
    if told.get("shown") is False:
        show("not shown: the avatar speaks; `kioskctl interrupt` silences it")
        return 1
    return 0


def _codes(check: dict[str, Any]) -> str:
    return ", ".join(reason["code"] for reason in check["reasons"])
