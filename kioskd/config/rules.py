# SPDX-License-Identifier: Apache-2.0
"""Rules between options, and files that options name: what no single row can say."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from kioskd.config.options import Kind
from kioskd.config.reading import Reading
from kioskd.config.sections import OPTIONS, Config, flatten

MAX_SECRET_BYTES = 16 * 1024
NETWORK_NEEDS = ("health.tls_certificate", "health.tls_key", "health.token_file")


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def check_rules(config: Config, reading: Reading) -> list[str]:
    """What is wrong with the configuration as a whole, one message per problem."""
    return [
        *_files_that_cannot_be_read(config, reading),
        *_network_without_protection(config, reading),
        *_endpoint_contradictions(config, reading),
    ]


def _files_that_cannot_be_read(config: Config, reading: Reading) -> list[str]:
    problems = []
    values = flatten(config)
    for key, row in OPTIONS.items():
        name = values[key]
        if not name or row.rule.kind not in (Kind.FILE, Kind.SECRET_FILE):
            continue
        if key == "avatar.path":
            continue  # a broken avatar must not stop the kiosk: the default one shows instead
        try:
            with Path(str(name)).open("rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            reason = f"{name} cannot be read ({error.strerror}); name a readable file"
            problems.append(f"{reading.where(key)}: {key}: {reason}")
            continue
        if not content.strip():
            problems.append(f"{reading.where(key)}: {key}: {name} is empty")
    return problems


def _network_without_protection(config: Config, reading: Reading) -> list[str]:
    health = config.health
    values = flatten(config)
    missing = [key for key in NETWORK_NEEDS if not values[key]]
    if is_loopback(health.address) or not health.enabled:
        if bool(health.tls_certificate) != bool(health.tls_key):
            lone = "health.tls_certificate" if health.tls_certificate else "health.tls_key"
            where = reading.where(lone)
            return [f"{where}: {lone}: certificate and key belong together; give both or none"]
        return []
    if missing:
        return [
            f"{reading.where('health.address')}: health.address: {health.address} can be reached "
            f"from other machines, which needs {', '.join(missing)}; set them or use 127.0.0.1"
        ]
    return []


def _endpoint_contradictions(config: Config, reading: Reading) -> list[str]:
    endpoint = config.endpoint
    problems = []
    if endpoint.session_key_file and endpoint.token_url:
        problems.append(
            f"{reading.where('endpoint.token_url')}: endpoint.token_url: a session key is given "
            "already by endpoint.session_key_file; keep one of them"
        )
    if endpoint.api_key_file and not endpoint.token_url:
        problems.append(
            f"{reading.where('endpoint.api_key_file')}: endpoint.api_key_file: is of no use "
            "without endpoint.token_url; set that to the console's session-tokens address"
        )
    return problems
