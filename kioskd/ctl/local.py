# SPDX-License-Identifier: Apache-2.0
"""How to reach the kiosk on this very board: what its own configuration says.

So that on a board `kioskctl status` needs no options, also where health asks for TLS and a
token. The server's certificate is pinned: no authority needs to know 127.0.0.1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kioskd.config.accepted import read_accepted
from kioskd.config.loading import DEFAULT_FILE, written
from kioskd.config.network_sections import HealthSection
from kioskd.config.rules import as_reached_here
from kioskd.ctl.client import TIMEOUT_S, Client
from kioskd.update.store import store_from


@dataclass(frozen=True, slots=True)
class Address:
    """A health port; `pinned` means that `authority` is the server's own certificate."""

    url: str
    token_file: Path | None = None
    authority: Path | None = None
    pinned: bool = False

    def client(self, timeout_s: float = TIMEOUT_S) -> Client:
        """A client for it; raises ControlError for files that cannot be read."""
        return Client(self.url, self.token_file, self.authority, self.pinned, timeout_s, own=True)


def own_address(config_file: Path = DEFAULT_FILE) -> Address | None:
    """Where the kiosk with this configuration answers; None where its server is switched off.

    The default address where there is no configuration, or one that only root and the service may
    read: it names tokens. What is wrong with it, or with a file that it names, does not matter
    here: a kioskd that runs goes on with the last good one.
    """
    health = written(config_file, read_accepted(store_from(os.environ).data)).health
    return _address(health) if health.enabled else None


def default_address() -> Address:
    """Where a kiosk without a configuration answers."""
    return _address(HealthSection())


def _address(health: HealthSection) -> Address:
    certificate = Path(health.tls_certificate) if health.tls_certificate else None
    return Address(
        f"{'https' if certificate else 'http'}://{as_reached_here(health.address)}:{health.port}",
        Path(health.token_file) if health.token_file else None,
        certificate,
        pinned=certificate is not None,
    )
