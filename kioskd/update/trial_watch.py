# SPDX-License-Identifier: Apache-2.0
"""When an image on trial counts as healthy: a minute of drawing the avatar without a fault.

Only what an image can be blamed for counts: the picture. A board without network, without a
loudspeaker or with a hot case must not throw away a good update, and an image that cannot
read the configuration never gets here: kioskd has not started then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from kioskd.update.errors import UpdateError

HEALTHY_S: Final = 60.0
LIMIT_S: Final = 600.0
LOOK_EVERY_S: Final = 2.0
_ROUNDED_S: Final = 0.2
"""The health answer has tenths of a second."""
_BLAMED: Final = ("display", "avatar", "render_loop")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at kioskd: what is wrong (empty if nothing is), and for how long it has run.

    `failures` is how often the picture has failed in that time.
    """

    problem: str
    uptime_s: float = 0.0
    failures: int = 0


Ask = Callable[[], Look]


def look_at_health(health: dict[str, Any] | None) -> Look:
    """What a health answer (None: there is none) says of the image that kioskd comes from."""
    if health is None:
        return Look("kioskd does not answer")
    uptime_s = float(health.get("uptime_s", 0.0))
    failures = 0
    for name in _BLAMED:
        check = health.get("checks", {}).get(name)
        if not isinstance(check, dict):
            return Look(f"the check {name} is missing", uptime_s)
        codes = [reason["code"] for reason in check.get("reasons", [])]
        if check.get("status") == "fail" or "starting" in codes:
            return Look(f"{name}: {', '.join(codes)}", uptime_s)
        failures += check.get("failures", 0)
    return Look("", uptime_s, failures)


def wait_until_healthy(
    ask: Ask,
    healthy_s: float = HEALTHY_S,
    limit_s: float = LIMIT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once `healthy_s` on end were good; raises UpdateError after `limit_s`.

    A restart of kioskd and a failure start the minute anew, also those between two looks.
    """
    begun = clock()
    since: float | None = None
    latest_start, failures = begun, 0
    problem = ""
    while clock() - begun < limit_s:
        asked = clock()
        look = ask()
        now = clock()
        problem = look.problem
        # The answer's uptime is of some moment between asking and having it
        restarted = asked - look.uptime_s > latest_start + _ROUNDED_S
        if problem or restarted or look.failures != failures:
            since = None
        if not problem:
            latest_start, failures = now - look.uptime_s, look.failures
            since = now if since is None else since
            if now - since >= healthy_s:
                return
        sleep(LOOK_EVERY_S)
    raise UpdateError(
        "not_healthy",
        f"not healthy for {healthy_s:.0f} s in a row within {limit_s:.0f} s "
        f"({problem or 'kioskd was started again and again'}); the image stays on trial",
    )
