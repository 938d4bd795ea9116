# SPDX-License-Identifier: Apache-2.0
"""Rules between options, and files that options name: what no single row can say."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from pathlib import Path

from driving_client.address import is_loopback, plain_address
from driving_client.link.settings import SettingsError
from driving_client.regular_file import open_regular
from kioskd.config.network_sections import EndpointSection
from kioskd.config.options import AUTO, Kind
from kioskd.config.part_settings import link_settings
from kioskd.config.reading import Reading
from kioskd.config.secrets import (
    MAX_SECRET_BYTES,
    SHORTEST_TOKEN,
    Certificate,
    Secrets,
    authority_in,
    certificate_in,
    login_in,
    secret_in,
)
from kioskd.config.table import OPTIONS, Config, flatten

NETWORK_NEEDS = ("health.tls_certificate", "health.tls_key", "health.token_file")
SECRET_SETTINGS = {
    "session_key": "endpoint.session_key_file",
    "api_key": "endpoint.api_key_file",
}
"""The link's settings that come from files, and the options that name those."""
_READERS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys((*SECRET_SETTINGS.values(), "health.token_file"), secret_in),
    "endpoint.ca_file": authority_in,
    "network.proxy_login_file": login_in,
}
"""What reads the texts; each raises ValueError."""


def as_reached_here(address: str) -> str:
    """The address for a URL on this machine: 0.0.0.0 and :: are where one listens, not asks.

    Both are reached at 127.0.0.1, which a machine without IPv6 has as well.
    """
    address = plain_address(address)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.is_unspecified:
        return "127.0.0.1"
    return address if parsed.version == 4 else f"[{address}]"


def read_secrets(config: Config, reading: Reading, keys: Container[str] = OPTIONS) -> Secrets:
    """What the secrets' files hold, without those that cannot be used.

    Reports every file that one of these options names and that cannot be used.
    """
    texts: dict[str, str] = {}
    unusable: set[str] = set()
    values = flatten(config)
    for key, row in OPTIONS.items():
        name = str(values[key])
        if not name or key not in keys or row.rule.kind not in (Kind.FILE, Kind.SECRET_FILE):
            continue
        if key == "avatar.path":
            continue  # a broken avatar must not stop the kiosk: the default one is shown instead
        try:
            with open_regular(name) as file:
                content = file.read(MAX_SECRET_BYTES)
        except OSError as error:
            reason = f"{name} cannot be read ({error.strerror}); name a readable file"
            reading.problems.append(f"{reading.where(key)}: {reason}")
            unusable.add(key)
            continue
        if not content.strip():
            reading.problems.append(f"{reading.where(key)}: {name} is empty")
            unusable.add(key)
        elif read := _READERS.get(key):
            try:
                texts[key] = read(name)
            except ValueError as error:
                reading.problems.append(f"{reading.where(key)}: {name}: {error}")
    if unusable.intersection(("health.tls_certificate", "health.tls_key")):
        return Secrets(texts)
    return Secrets(texts, _certificate(config, reading))


def check_rules(config: Config, secrets: Secrets, reading: Reading) -> list[str]:
    """What is wrong with the configuration as a whole, one message per problem.

    What is only of no use becomes a warning of `reading`.
    """
    if config.audio.latency_ms == AUTO and not config.ears.enabled:
        reading.warnings.append(
            f"{reading.where('audio.latency_ms')}: nothing can measure it without a microphone, so "
            "it counts as 0; set ears.enabled, or give the milliseconds"
        )
    return [*check_texts(config, secrets.texts, reading), *_retarget_of_no_use(config, reading)]


def check_texts(config: Config, secrets: Mapping[str, str], reading: Reading) -> list[str]:
    """What is wrong with secrets for the use that the configuration makes of them."""
    return [
        *_network_without_protection(config, secrets, reading),
        *_endpoint_that_cannot_work(config, secrets, reading),
        *_login_for_no_proxy(config, reading),
    ]


def _network_without_protection(
    config: Config, secrets: Mapping[str, str], reading: Reading
) -> list[str]:
    health = config.health
    values = flatten(config)
    missing = [key for key in NETWORK_NEEDS if not values[key]]
    if is_loopback(health.address) or not health.enabled:
        if bool(health.tls_certificate) != bool(health.tls_key):
            lone = "health.tls_certificate" if health.tls_certificate else "health.tls_key"
            where = reading.where(lone)
            return [f"{where}: certificate and key belong together; give both or none"]
        return []
    if missing:
        return [
            f"{reading.where('health.address')}: {health.address} can be reached "
            f"from other machines, which needs {', '.join(missing)}; set them or use 127.0.0.1"
        ]
    return _token_too_short(config, secrets, reading)


def _token_too_short(config: Config, secrets: Mapping[str, str], reading: Reading) -> list[str]:
    key = "health.token_file"
    if key not in secrets:
        return []  # reported already, as a file that cannot be read
    length = len(secrets[key])
    if length >= SHORTEST_TOKEN:
        return []
    return [
        f"{reading.where(key)}: the token in {config.health.token_file} has "
        f"{length} characters; at least {SHORTEST_TOKEN} are needed (openssl rand -hex 16)"
    ]


def _certificate(config: Config, reading: Reading) -> Certificate | None:
    health = config.health
    if not health.tls_certificate or not health.tls_key:
        return None
    try:
        return certificate_in(health.tls_certificate, health.tls_key)
    except ValueError as error:
        reading.problems.append(f"{reading.where('health.tls_certificate')}: {error}")
    return None


def _login_for_no_proxy(config: Config, reading: Reading) -> list[str]:
    if config.network.proxy or not config.network.proxy_login_file:
        return []
    where = reading.where("network.proxy_login_file")
    return [f"{where}: has no effect without network.proxy; set that as well"]


def _retarget_of_no_use(config: Config, reading: Reading) -> list[str]:
    path = config.playback.retarget
    if not path or not Path(path).is_file():
        return []  # none, or reported already
    # Here, not above: commands that only read the configuration must not wait for numpy
    from driving_client.errors import RetargetError
    from driving_client.retarget import load_retarget

    try:
        load_retarget(path)
    except RetargetError as error:
        key = "playback.retarget"
        return [f"{reading.where(key)}: {error}"]
    return []


def _endpoint_that_cannot_work(
    config: Config, secrets: Mapping[str, str], reading: Reading
) -> list[str]:
    values = flatten(config)
    # An unusable file is reported already; what contradicts its being named is reported as well
    named = {key: "unknown" for key in SECRET_SETTINGS.values() if values[key]}
    # Reported while no endpoint is named as well: naming one later must bring no new fault
    endpoint = replace(config.endpoint, url=config.endpoint.url or EndpointSection().url)
    try:
        link_settings(replace(config, endpoint=endpoint), {**named, **secrets})
    except SettingsError as error:
        faults = {
            SECRET_SETTINGS.get(name, f"endpoint.{name}"): fault
            for name, fault in error.faults.items()
        }
        return [f"{reading.where(key)}: {fault}" for key, fault in faults.items()]
    return []
