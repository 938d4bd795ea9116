# SPDX-License-Identifier: Apache-2.0
"""The checks of the board under the kiosk, as the daemon runs them."""

from __future__ import annotations

from collections.abc import Callable

from kioskd.config import Config
from kioskd.health.board_checks import ThermalCheck, TimeCheck
from kioskd.health.status import Check
from kioskd.health.storage_check import StorageCheck
from kioskd.health.update_check import ProvisioningCheck, UpdateCheck
from kioskd.metrics import Metrics
from kioskd.service.folders import state_folder
from kioskd.update.store import Store


def board_checks(
    config: Callable[[], Config],
    store: Store,
    metrics: Metrics,
    tell_temperature: Callable[[float], None],
) -> list[Check]:
    """Storage, temperature, clock, update, provisioning; `config` gives the one in force."""

    def needs_tls() -> bool:
        endpoint = config().endpoint
        addresses = (endpoint.url.lower(), endpoint.token_url.lower())
        return addresses[0].startswith("wss:") or addresses[1].startswith("https:")

    return [
        StorageCheck(state_folder(), metrics=metrics),
        ThermalCheck(lambda: config().health.temperature_limit_c, tell=tell_temperature),
        TimeCheck(needs_tls, metrics=metrics),
        UpdateCheck(store, metrics),
        ProvisioningCheck(store),
    ]
