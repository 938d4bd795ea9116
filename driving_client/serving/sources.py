# SPDX-License-Identifier: Apache-2.0
"""Who asks: this machine itself, or which other one."""

from __future__ import annotations

import ipaddress


def is_here(address: str) -> bool:
    """Whether a peer's address is this machine's loopback."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def source_of(address: str) -> str:
    """What one machine is counted by: its address, for IPv6 its /64, of which it has many."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
