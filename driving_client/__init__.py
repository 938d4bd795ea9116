# SPDX-License-Identifier: Apache-2.0
"""The network side of the kiosk: the driving endpoint's wire protocol, sessions and utterances.

Knows nothing of pictures or sound cards. It yields utterances (audio samples and motion
frames on one time axis) and link events; kioskd turns them into a face and a voice.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driving_client.link.make import make_link
    from driving_client.link.retry import Backoff
    from driving_client.link.settings import LinkSettings

__all__ = ["Backoff", "LinkSettings", "make_link"]

_HOMES = {"Backoff": "link.retry", "LinkSettings": "link.settings", "make_link": "link.make"}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: importing `driving_client.address` need not wait for numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
