# SPDX-License-Identifier: Apache-2.0
"""The check of the HTTP server's own certificate: whether it ends soon.

It only ever warns: the avatar speaks on when those who look after it are refused, and an update
must not be given up for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from kioskd.config.secrets import Certificate
from kioskd.health.board_checks import build_time
from kioskd.health.status import Finding, passed, warned

SOON_S: Final = 21 * 86400.0
"""Certificates of 90 days are usually renewed 30 before their end: by then that has failed."""


@dataclass(frozen=True, slots=True)
class CertificateCheck:
    """`source` gives the certificate in use, None without TLS.

    A clock before `earliest` (seconds since 1970) has not been set and judges nothing.
    """

    name: ClassVar[str] = "certificate"
    source: Callable[[], Certificate | None]
    wall_clock: Callable[[], float] = time.time
    earliest: float = field(default_factory=build_time)

    def run(self, _now: float) -> Finding:
        """Warns from SOON_S before its end on, and where no client accepts it."""
        certificate = self.source()
        if certificate is None:
            return passed("no certificate is configured")
        if certificate.ends is None:
            text = "clients refuse it at any time; make one for a server, as serverAuth"
            return warned("not a server's", "certificate_unusable", text)
        day = time.strftime("%Y-%m-%d", time.gmtime(certificate.ends))
        now = self.wall_clock()
        left_s = certificate.ends - now
        if now < self.earliest or left_s > SOON_S:
            return passed(f"ends on {day}")
        mend = "write a new one and its key over the files; kioskd takes them within seconds"
        if left_s <= 0:
            text = f"browsers and other clients have refused it since; {mend}"
            return warned(f"ended on {day}", "certificate_expired", text)
        return warned(
            f"ends on {day}", "certificate_ends_soon", f"{left_s / 86400:.0f} days are left; {mend}"
        )
