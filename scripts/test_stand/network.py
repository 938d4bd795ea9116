# SPDX-License-Identifier: Apache-2.0
"""A network namespace of a command's own, with addresses that are not loopback's.

To the kiosk, who comes from them is another machine. Needs no root where the system allows
user namespaces.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

KIOSK: Final = "198.51.100.1"
FRIEND: Final = "198.51.100.9"
"""Another machine that only asks."""

SOURCES: Final = tuple(f"198.51.100.{number}" for number in range(20, 60))
"""Where attackers come from."""

_INSIDE: Final = "KIOSK_TEST_NETWORK"


def enter_own_network() -> None:
    """Start this command again in a network of its own; returns once it is there."""
    if _INSIDE not in os.environ:
        inside = ["unshare", "--map-root-user", "--net", sys.executable, *sys.argv]
        os.execvpe(inside[0], inside, os.environ | {_INSIDE: "1"})
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (KIOSK, FRIEND, *SOURCES):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
