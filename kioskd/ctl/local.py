# SPDX-License-Identifier: Apache-2.0
"""How to reach the kiosk on this very board: what its own configuration says.

So that on a board `kioskctl status` needs no options, also where health asks for TLS and a
token. The server's certificate is pinned: no authority needs to know 127.0.0.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kioskd.config import ConfigError, load
from kioskd.config.loading import DEFAULT_FILE
from kioskd.config.rules import as_reached_here
from kioskd.ctl.client import TIMEOUT_S, Client

DEFAULT_URL: Final = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Address:
    """A health port; `pinned` means that `authority` is the server's own certificate."""

    url: str = DEFAULT_URL
    token_file: Path | None = None
    authority: Path | None = None
    pinned: bool = False

    def client(self, timeout_s: float = TIMEOUT_S) -> Client:
        """A client for it; raises ControlError for files that cannot be read."""
        return Client(self.url, self.token_file, self.authority, self.pinned, timeout_s)


def own_address(config_file: Path = DEFAULT_FILE) -> Address | None:
    """Where the kiosk with this configuration answers; None where its server is switched off.

    The default address where there is no configuration, or one that cannot be read.
    """
    try:
        if not config_file.is_file():
            return Address()
        health = load(config_file).config.health
    except PermissionError:
        return Address()  # only root and the service may read it: it names tokens
    except ConfigError:
        return Address()  # kioskd does not start with it; a running one has kept its last good one
    if not health.enabled:
        return None
    certificate = Path(health.tls_certificate) if health.tls_certificate else None
    return Address(
        f"{'https' if certificate else 'http'}://{as_reached_here(health.address)}:{health.port}",
        Path(health.token_file) if health.token_file else None,
        certificate,
        pinned=certificate is not None,
    )
