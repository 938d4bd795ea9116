# SPDX-License-Identifier: Apache-2.0
"""Secrets and certificates that are renewed while the kiosk runs.

Each is taken by itself: a certificate that is only half written must not keep a leaked token
valid. What cannot be used is told, and the last good one stays in force until it can be; the
rest of the configuration is not read here, for somebody may just be editing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from kioskd.config.loading import Loaded
from kioskd.config.options import Kind
from kioskd.config.part_settings import link_settings
from kioskd.config.reading import Reading
from kioskd.config.rules import check_texts, read_secrets
from kioskd.config.secrets import Certificate, Secrets
from kioskd.config.table import OPTIONS, Config, flatten

KEPT: Final = "the last good one stays in use until it is mended"

LOOK_EVERY_S: Final = 2.0
"""A changed file is read at the second look that finds it so: it may still be being written."""

Fingerprint = tuple[tuple[str, tuple[int, ...]], ...]
"""Of each file its name and what a change of it would change; nothing for one that is gone."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is in force now, the options whose files brought something new, and what was refused."""

    loaded: Loaded
    renewed: tuple[str, ...]
    refused: tuple[str, ...]


def fingerprint(config: Config) -> Fingerprint:
    """What tells whether a file of a secret has been written or replaced, also behind a link."""
    return tuple((name, file_state(name)) for name in _files(config).values())


def renew(loaded: Loaded, now: Callable[[], float]) -> Renewal:
    """Read the files of `loaded.config` again; `now` gives seconds since 1970."""
    config, before = loaded.config, loaded.secrets
    named = _files(config)
    reading = Reading(origins=dict(loaded.origins))
    found = read_secrets(config, reading, named)
    texts = {key: text for key, text in before.texts.items() if key in named}
    renewed: list[str] = []
    for key, text in found.texts.items():
        trial = {**texts, key: text}
        if texts.get(key) == text:
            continue
        if faults := check_texts(config, trial, reading):
            reading.problems += faults
            continue
        texts = trial
        renewed.append(key)
    certificate = before.certificate
    if found.certificate is not None and found.certificate != certificate:
        fault = _too_old(found.certificate, certificate, now())
        if fault:
            reading.problems.append(f"{reading.where('health.tls_certificate')}: {fault}")
        else:
            certificate = found.certificate
            renewed.append("health.tls_certificate")
    refused = tuple(f"{problem}; {KEPT}" for problem in dict.fromkeys(reading.problems))
    if not renewed and texts == dict(before.texts):
        return Renewal(loaded, (), refused)
    after = replace(loaded, secrets=Secrets(texts, certificate), link=link_settings(config, texts))
    return Renewal(after, tuple(renewed), refused)


def _too_old(new: Certificate, old: Certificate | None, now: float) -> str:
    """Why a certificate must not take the place of the one in force; empty if it may."""
    if new.ends is None:
        return "no client accepts the new certificate; make one for a server"
    if new.ends > now or (old is not None and (old.ends is None or old.ends <= now)):
        return ""
    return "the new certificate has ended already; renew it again, or set the clock"


def _files(config: Config) -> Mapping[str, str]:
    """The files that are renewed, by their options."""
    values = flatten(config)
    return {
        key: str(values[key])
        for key, row in OPTIONS.items()
        if values[key] and (row.rule.kind is Kind.SECRET_FILE or key in _RENEWED)
    }


_RENEWED: Final = ("health.tls_certificate", "endpoint.ca_file")
"""Files that are renewed although they hold no secret."""


def file_state(name: str) -> tuple[int, ...]:
    """What changes when the file is written, replaced or given other rights; () for none."""
    try:
        seen = os.stat(name)  # noqa: PTH116 – a name that no path holds is an error of its own
    except (OSError, ValueError):
        return ()
    return (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
