# SPDX-License-Identifier: Apache-2.0
"""What a client shows and whom it trusts, from files that may just be being renewed.

On the board these are kioskd's own files, and kioskd takes a renewed one some seconds later
(`kioskd.config.renewal`): whoever asks in between is refused although nothing is wrong.
"""

from __future__ import annotations

import math
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from driving_client.regular_file import open_regular
from kioskd.config.renewal import LOOK_EVERY_S, file_state
from kioskd.config.secrets import pinning, secret_in

RENEWED_S: Final = 10.0
RENEWAL_S = 2.5 * LOOK_EVERY_S
"""A file renewed less than RENEWED_S ago is in use after RENEWAL_S."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """`headers` carry the token, `tls` trusts the authority; `states` are the files' when read."""

    headers: dict[str, str]
    tls: ssl.SSLContext
    states: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """The files; `pinned`: the authority is the server's own certificate.

    `own`: the files are the kiosk's own.
    """

    token: Path | None
    authority: Path | None
    pinned: bool
    own: bool

    def read(self) -> Credentials:
        """What they hold; once more where they are just being renewed.

        Raises ValueError, whose message names the option.
        """
        try:
            return self._read()
        except ValueError:
            if not self.own or not self._recent():
                raise
        return self.read_again()

    def renewed(self, since: Credentials) -> bool:
        """Whether kioskd may not have taken them yet, or they are others than were read."""
        return self.own and (self._recent() or self._states() != since.states)

    def read_again(self) -> Credentials:
        """When kioskd has taken them; raises ValueError."""
        if self._recent():
            time.sleep(RENEWAL_S)
        return self._read()

    def _read(self) -> Credentials:
        states = self._states()
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            try:
                headers["Authorization"] = f"Bearer {secret_in(str(self.token))}"
            except ValueError as error:
                raise ValueError(f"--token-file {self.token}: {error}") from error
        try:
            return Credentials(headers, self._tls(), states)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(f"--authority {self.authority}: {reason}; name a PEM file") from error

    def _tls(self) -> ssl.SSLContext:
        if self.authority is None:
            return ssl.create_default_context()
        if self.pinned:
            return pinning(str(self.authority))
        open_regular(self.authority).close()  # OpenSSL would wait for the writer of a FIFO
        return ssl.create_default_context(cafile=self.authority)

    def _files(self) -> list[Path]:
        return [file for file in (self.token, self.authority) if file is not None]

    def _states(self) -> tuple[tuple[int, ...], ...]:
        return tuple(file_state(str(file)) for file in self._files())

    def _recent(self) -> bool:
        return any(_age_s(file) < RENEWED_S for file in self._files())


def _age_s(file: Path) -> float:
    """How long ago it was written, replaced or given other rights."""
    try:
        return time.time() - file.stat().st_ctime
    except OSError:
        return math.inf
