# SPDX-License-Identifier: Apache-2.0
"""Which machine asks."""

from __future__ import annotations

import ipaddress

from driving_client.address import plain_address


def source_of(address: str) -> str:
    """What one machine is counted by: its address, for IPv6 its /64, of which it has many."""
    try:
        parsed = ipaddress.ip_address(plain_address(address.partition("%")[0]))
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
