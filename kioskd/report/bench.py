# SPDX-License-Identifier: Apache-2.0
"""What of a kept benchmark goes into a report; `kioskctl bench` keeps it as benchmark.json.

Avatars of your own have names of your own, and a sound device may be called anything: neither is
passed on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from driving_client.regular_file import read_regular
from kioskd.report.form import OTHER, SHIPPED_AVATARS

_FILE: Final = "benchmark.json"
_MAX_BYTES: Final = 512 * 1024
_PARTS: Final = ("graphics", "avatars", "speech", "sound", "flash", "soak")


def read(folder: Path, note: Callable[[str], None]) -> dict[str, Any]:
    """Empty where nothing was measured or is readable, and `note` hears why."""
    try:
        kept = json.loads(read_regular(folder / _FILE, _MAX_BYTES))
        parts = {name: _part(name, kept["parts"][name]) for name in _PARTS if name in kept["parts"]}
        return {
            "format": kept["format"],
            "date": str(kept["measured_at"])[:10],
            "version": kept["version"],
            "seconds": kept["seconds"],
            **parts,
        }
    except FileNotFoundError:
        note("nothing was measured on this board yet: `kioskctl bench` takes three minutes")
    except OSError as error:
        note(f"{folder / _FILE} cannot be read ({error.strerror}); run this as root")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        note(f"{folder / _FILE} is damaged; `kioskctl bench` measures anew")
    return {}


def _part(name: str, part: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {"status": part["status"], **part["figures"]}
    if name == "avatars":
        figures["avatars"] = [
            each | {"name": each["name"] if each["name"] in SHIPPED_AVATARS else OTHER}
            for each in figures.get("avatars", [])
        ]
    if name == "soak":
        degrees = [each.get("celsius") for each in figures.get("samples", [])]
        figures["hottest_celsius"] = max(
            (each for each in degrees if isinstance(each, int | float)), default=None
        )
    return dict(_known(figures))


def _known(value: Any) -> Any:
    """Without what was not measured."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items() if each is not None}
    return [_known(each) for each in value] if isinstance(value, list) else value
