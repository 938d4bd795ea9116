# SPDX-License-Identifier: Apache-2.0
"""Puts a configuration together from what the board has and what a stick brings, and tries it.

What nobody wrote but the board can see is written for them: a token or a certificate that
lies there and is named nowhere is named in one more file of kiosk.d.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from kioskd.config import ConfigError, load
from kioskd.config.accepted import read_accepted
from kioskd.config.file_names import DROP_IN_FOLDER, is_drop_in
from kioskd.config.loading import DEFAULT_FILE
from kioskd.config.reading import Reading, read_file
from kioskd.first_boot.stick_files import Content
from kioskd.first_boot.stick_names import CERTIFICATE, KEY, MAIN, TOKEN, StickError
from kioskd.update.store import Store

FOUND: Final = f"{DROP_IN_FOLDER}/00-found.yaml"
OWN_MAIN: Final = b"""\
# This board's configuration; everything that is not named here has its default.
# `kioskctl options` prints all keys, /opt/kiosk/usr/share/kiosk/kiosk.yaml is an example.
# A file kiosk.d/NAME.yaml beside this one wins over it, key by key. After a change:
#   kioskctl doctor && systemctl restart kioskd
endpoint:
  url: ""  # none yet: nothing on a board answers at the default address
"""
_FOUND_HEAD: Final = "# Made by the board from the files that lie beside kiosk.yaml; do not edit.\n"


def merged(own: Content, brought: Content) -> Content:
    """What the board would have: a stick's kiosk.yaml takes the place of all documents.

    Raises StickError where one file needs a folder that another one is.
    """
    result = dict(own)
    if MAIN in brought:
        result = {name: data for name, data in own.items() if not _is_document(name)}
    result.update(brought)
    result.pop(FOUND, None)
    folders = {str(parent): name for name in result for parent in Path(name).parents}
    for name in sorted(result.keys() & folders.keys()):
        raise StickError(f"{name} and {folders[name]}: one name cannot be a file and a folder")
    return result


def found_files(folder: Path) -> Content:
    """The document that names a token and a certificate which no other one in `folder` names.

    Empty where there is nothing to name. Rules are not asked: those may need just this document.
    """
    named = _read_documents(folder).values
    lines = []
    if not named.get("health.token_file") and (folder / TOKEN).is_file():
        lines.append(f"  token_file: {DEFAULT_FILE.parent / TOKEN}\n")
    pair = (folder / CERTIFICATE).is_file() and (folder / KEY).is_file()
    half = named.get("health.tls_certificate") or named.get("health.tls_key")
    if pair and not half:
        lines.append(f"  tls_certificate: {DEFAULT_FILE.parent / CERTIFICATE}\n")
        lines.append(f"  tls_key: {DEFAULT_FILE.parent / KEY}\n")
    if not lines:
        return {}
    return {FOUND: f"{_FOUND_HEAD}health:\n{''.join(lines)}".encode()}


def problems_of(folder: Path, store: Store) -> tuple[str, ...]:
    """What kioskd would refuse about the configuration in `folder`; file names are relative."""
    accepted = read_accepted(store.data)
    try:
        load(folder / MAIN, stands_for=DEFAULT_FILE.parent, accepted=accepted)
    except ConfigError as error:
        return tuple(problem.replace(f"{folder}/", "") for problem in error.problems)
    return ()


def avatar_not_there(folder: Path, store: Store, payload: Path) -> tuple[str, ...]:
    """That the avatar named in `folder` is not there for kioskd, which would show the default one.

    No reason not to start, but one not to take a stick. Outside of `store` kioskd sees `payload`.
    """
    reading = _read_documents(folder)
    key = "avatar.path"
    name = str(reading.values.get(key, ""))
    if not name:
        return ()
    named_in = Path(reading.origins[key].rpartition(":")[0]).relative_to(folder)
    path = Path(os.path.normpath((DEFAULT_FILE.parent / named_in).parent / name))
    if path.is_relative_to(DEFAULT_FILE.parent):
        there = folder / path.relative_to(DEFAULT_FILE.parent)
    elif path.is_relative_to(store.root):
        there = path
    else:
        there = payload / path.relative_to("/")
    if there.is_file():
        return ()
    advice = "write / instead of \\" if "\\" in name else f"put it beside {MAIN} and name it so"
    where = reading.where(key).replace(f"{folder}/", "")
    return (f"{where}: '{name}' is neither on the stick nor on the board; {advice}",)


def _read_documents(folder: Path) -> Reading:
    reading = Reading()
    drop_ins = folder / DROP_IN_FOLDER
    inside = sorted(drop_ins.iterdir()) if drop_ins.is_dir() else []
    for document in (folder / MAIN, *(file for file in inside if is_drop_in(file.name))):
        read_file(document, reading)
    return reading


def _is_document(name: str) -> bool:
    parent, _, file = name.rpartition("/")
    return name == MAIN or (parent == DROP_IN_FOLDER and is_drop_in(file))
