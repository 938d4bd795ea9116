# SPDX-License-Identifier: Apache-2.0
"""Compiles the payload's Python files, once, because a read-only file system never would.

The payload's own interpreter does it, through qemu-user: its bytecode is the same whatever
Python the build machine has. Hashes are unchecked (PEP 552), so no file time matters. One
process compiles the files of one tree in order of name with a fixed hash seed; the same
tree gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from firmware.steps import run

INTERPRETER: Final = "usr/bin/python3.11"
QEMU: Final = "qemu-aarch64-static"
_PROGRAM: Final = """
import py_compile, sys
from importlib.util import cache_from_source
root = sys.argv[1]
failed = []
for line in sys.stdin:
    name = line.rstrip("\\n")
    try:
        py_compile.compile(
            root + "/" + name, cache_from_source(root + "/" + name), "/" + name, doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError as error:
        failed.append(str(error))
sys.exit("\\n".join(failed) or 0)
"""


def python_files(tree: Path) -> list[str]:
    """The tree's `.py` files, relative, in order of name."""
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*.py") if path.is_file())


def compile_tree(tree: Path, runtime: Path) -> None:
    """Put the bytecode of every `.py` file of `tree` beside it, with `runtime`'s interpreter."""
    listing = "".join(f"{name}\n" for name in python_files(tree))
    run_in_payload(
        ["-I", "-S", "-c", _PROGRAM, tree],
        runtime,
        doing="compiling Python files",
        stdin=listing.encode(),
    )


def run_in_payload(
    arguments: list[str | Path], runtime: Path, *, doing: str, stdin: bytes = b""
) -> bytes:
    """Run the payload's Python under qemu-user; raises FirmwareError with what it said."""
    return run(
        [QEMU, "-L", runtime, runtime / INTERPRETER, *arguments],
        doing=doing,
        stdin=stdin,
        environment={"PYTHONHASHSEED": "0", "PYTHONHOME": str(runtime / "usr")},
    )
