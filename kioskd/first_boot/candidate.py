# SPDX-License-Identifier: Apache-2.0
"""Puts a configuration together from what the board has and what a stick brings, and tries it.

What nobody wrote but the board can see is written for them: a token or a certificate that
lies there and is named nowhere is named in one more file of kiosk.d.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kioskd.config import ConfigError, load
from kioskd.config.loading import DEFAULT_FILE, DROP_IN_FOLDER
from kioskd.config.reading import Reading, read_file
from kioskd.first_boot.stick_files import CERTIFICATE, KEY, MAIN, TOKEN, Content

FOUND: Final = f"{DROP_IN_FOLDER}/00-found.yaml"
OWN_MAIN: Final = b"""\
# This board's configuration; everything that is not named here has its default.
# `kioskctl options` prints all keys, /opt/kiosk/usr/share/kiosk/kiosk.yaml is an example.
# A file kiosk.d/NAME.yaml beside this one wins over it, key by key. After a change:
#   kioskctl doctor && systemctl restart kioskd
"""
_FOUND_HEAD: Final = "# Made by the board from the files that lie beside kiosk.yaml; do not edit.\n"


def merged(own: Content, brought: Content) -> Content:
    """What the board would have: a stick's kiosk.yaml takes the place of all documents."""
    result = dict(own)
    if MAIN in brought:
        result = {name: data for name, data in own.items() if not name.endswith(".yaml")}
    result.update(brought)
    result.pop(FOUND, None)
    return result


def found_files(folder: Path) -> Content:
    """The document that names a token and a certificate which no other one in `folder` names.

    Empty where there is nothing to name. Rules are not asked: those may need just this document.
    """
    named = Reading()
    for document in (folder / MAIN, *sorted((folder / DROP_IN_FOLDER).glob("*.yaml"))):
        read_file(document, named)
    lines = []
    if not named.values.get("health.token_file") and (folder / TOKEN).is_file():
        lines.append(f"  token_file: {DEFAULT_FILE.parent / TOKEN}\n")
    pair = (folder / CERTIFICATE).is_file() and (folder / KEY).is_file()
    half = named.values.get("health.tls_certificate") or named.values.get("health.tls_key")
    if pair and not half:
        lines.append(f"  tls_certificate: {DEFAULT_FILE.parent / CERTIFICATE}\n")
        lines.append(f"  tls_key: {DEFAULT_FILE.parent / KEY}\n")
    if not lines:
        return {}
    return {FOUND: f"{_FOUND_HEAD}health:\n{''.join(lines)}".encode()}


def problems_of(folder: Path) -> tuple[str, ...]:
    """What kioskd would refuse about the configuration in `folder`; file names are relative."""
    try:
        load(folder / MAIN, stands_for=DEFAULT_FILE.parent)
    except ConfigError as error:
        return tuple(problem.replace(f"{folder}/", "") for problem in error.problems)
    return ()
