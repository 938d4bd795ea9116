# SPDX-License-Identifier: Apache-2.0
"""The order of things before kioskd starts; every step can be cut off and done again.

A stick in the USB port is an order from the person who holds it. So the first one is obeyed, and
later ones only when they prove that their maker knows the board: with the token that it has
now, in a file `current-token`. A factory reset makes the next stick the first one again.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from driving_client.texts import printable
from kioskd.config import ConfigError, load, read_secret
from kioskd.config.accepted import read_accepted
from kioskd.config.loading import DEFAULT_FILE
from kioskd.durable_files import Files
from kioskd.first_boot.candidate import (
    OWN_MAIN,
    avatar_not_there,
    found_files,
    merged,
    problems_of,
)
from kioskd.first_boot.config_store import (
    commit,
    discard,
    finish,
    forget,
    good_folder,
    keep_good,
    read_config,
    stage,
)
from kioskd.first_boot.identity import Identity, write_identity
from kioskd.first_boot.result import Provisioning, read_provisioning, write_provisioning
from kioskd.first_boot.stick_files import Content, digest, read_stick
from kioskd.first_boot.stick_names import AUTHORISATION, MAIN, TOKEN, StickError
from kioskd.update.store import Store

logger = logging.getLogger(__name__)

RESET_FLAG: Final = "factory-reset"
_TOKEN_BYTES: Final = 16
Stick = AbstractContextManager[Path]
"""Lends the stick's folder while its files are read."""


def first_boot(
    store: Store,
    files: Files,
    identity: Identity | None,
    stick: Stick | None,
    payload: Path = Path("/"),
) -> Provisioning:
    """Make the store ready for kioskd; what became of the stick. Raises OSError.

    `payload` is what kioskd has as its root.
    """
    if (store.state / RESET_FLAG).exists():
        factory_reset(store, files)
    if finish(store, files):
        logger.info("the new configuration is in place", extra={"code": "config_carried_through"})
    if identity is not None and write_identity(store, identity, files):
        logger.warning(
            "this store comes from another board and so does its token; "
            "`kioskctl factory-reset` makes a new one",
            extra={"code": "store_copied"},
        )
    own = _own_config(store, files)
    before = read_provisioning(store)
    taken = before.taken if before is not None else ""
    told = Provisioning(own or ("accepted" if taken else "own"), taken=taken)
    if stick is not None:
        told = _from_stick(store, files, stick, told, before, payload)
    keep_good(store, files, lambda: not problems_of(store.config, store))
    write_provisioning(store, told, files)
    return told


def factory_reset(store: Store, files: Files) -> None:
    """Forget configuration, identity and data; the images stay. The flag goes last."""
    forget(store, files)
    for name in ("first-boot-result.json", "identity"):
        files.remove(store.state / name)
    data = store.data
    for path in sorted(data.iterdir()) if data.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            files.remove(path)
    files.sync_folder(store.state)
    files.remove(store.state / RESET_FLAG)
    files.sync_folder(store.state)
    logger.warning("reset to its original state", extra={"code": "factory_reset_done"})


def _own_config(store: Store, files: Files) -> str:
    """A configuration where there is none or it was lost; "own" or "restored" if it was made."""
    main = store.config / MAIN
    if main.is_file() and (main.stat().st_size or not (good_folder(store) / MAIN).is_file()):
        return ""
    good = good_folder(store)
    if (good / MAIN).is_file() and not problems_of(good, store):
        content = read_config(good)
        made = "restored"
        logger.error("the last good configuration is restored", extra={"code": "config_restored"})
    else:
        kept = read_config(store.config) if store.config.is_dir() else {}
        content = {TOKEN: f"{secrets.token_hex(_TOKEN_BYTES)}\n".encode(), **kept, MAIN: OWN_MAIN}
        made = "own"
        logger.info("a configuration of its own is made", extra={"code": "config_made"})
    commit(store, _staged(store, files, content)[1], files)
    return made


def _from_stick(
    store: Store,
    files: Files,
    stick: Stick,
    told: Provisioning,
    before: Provisioning | None,
    payload: Path,
) -> Provisioning:
    new = found = ""
    try:
        with stick as folder:
            brought = read_stick(folder)
        content = brought.content
        new = digest(content)
        own = read_config(store.config)
        # Another image, or a board with other files, may take what was refused
        beside = {"image": store.version().encode(), "own": digest(own).encode()}
        found = digest(content | beside | {AUTHORISATION: brought.proof.encode()})
        if new == told.taken:
            return told
        if told.taken and not _proven(store, brought.proof):
            raise StickError(
                "this board has been set up already; put its token into a file current-token on "
                "the stick, or run `kioskctl factory-reset` on the board"
            )
        if before is not None and before.refused == found and before.problems:
            problems: tuple[str, ...] = before.problems
        else:
            problems = _try_and_take(store, files, merged(own, content), payload)
    except StickError as error:
        problems = (str(error),)
    # A stick's texts are shown on the safe page and kept in files
    problems = tuple(map(printable, problems))
    if not problems:
        logger.info("the stick's configuration is in force", extra={"code": "stick_accepted"})
        return Provisioning("accepted", taken=new)
    for problem in problems:
        logger.error("stick: %s", problem, extra={"code": "stick_refused"})
    return Provisioning("refused", problems, told.taken, found)


def _try_and_take(store: Store, files: Files, content: Content, payload: Path) -> tuple[str, ...]:
    folder, content = _staged(store, files, content)
    problems = problems_of(folder, store) or avatar_not_there(folder, store, payload)
    if problems:
        discard(store, files)
    else:
        commit(store, content, files)
    return problems


def _staged(store: Store, files: Files, content: Content) -> tuple[Path, Content]:
    """Where it lies, and what it is with the files that are named for their owner."""
    folder = stage(store, content, files)
    more = found_files(folder)
    if more:
        content = content | more
        folder = stage(store, content, files)
    return folder, content


def _proven(store: Store, proof: str) -> bool:
    """Whether the proof is this board's token; a stick must be able to mend a bad kiosk.yaml."""
    accepted = read_accepted(store.data)
    for folder in (store.config, good_folder(store)):
        try:
            loaded = load(folder / MAIN, stands_for=DEFAULT_FILE.parent, accepted=accepted)
            health = loaded.config.health
            token = read_secret(health.token_file or str(folder / TOKEN))
        except ConfigError:
            continue
        return bool(token) and hmac.compare_digest(proof.encode(), token.encode())
    return False
