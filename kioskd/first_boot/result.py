# SPDX-License-Identifier: Apache-2.0
"""What became of a stick's configuration, for health, the safe page and the log."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from driving_client.regular_file import open_regular
from kioskd.durable_files import Files
from kioskd.durable_files import replace as replace_file
from kioskd.update.store import Store

_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Provisioning:
    """`result` is own, accepted, refused or restored.

    `taken` is the digest of the last stick that was accepted, empty as long as none was;
    `refused` that of the stick to which `problems` belong. The file also says when, in Unix
    seconds.
    """

    result: str
    problems: tuple[str, ...] = ()
    taken: str = ""
    refused: str = ""


def result_file(store: Store) -> Path:
    """Where it lies."""
    return store.state / "first-boot-result.json"


def read_provisioning(store: Store) -> Provisioning | None:
    """The last result, None where there is none that can be read."""
    try:
        with open_regular(result_file(store)) as file:
            told = json.loads(file.read(_MAX_BYTES))
        texts = {key: str(told[key]) for key in ("result", "taken", "refused")}
        problems = tuple(str(problem) for problem in told["problems"])
        return Provisioning(problems=problems, **texts)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_provisioning(store: Store, told: Provisioning, files: Files) -> None:
    """Write the result where it differs, and the safe page's text; raises OSError."""
    if read_provisioning(store) != told:
        content = json.dumps(asdict(told) | {"time": int(time.time())}, indent=1)
        files.make_folder(store.state)
        replace_file(files, result_file(store), content.encode() + b"\n")
    problem = store.run / "config-problem"
    # For people at the screen; gone with the next start, and no reason to fail
    with contextlib.suppress(OSError):
        if told.problems:
            problem.write_text("".join(f"{line}\n" for line in told.problems), "utf-8")
        else:
            problem.unlink(missing_ok=True)
