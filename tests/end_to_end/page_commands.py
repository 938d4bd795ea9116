# SPDX-License-Identifier: Apache-2.0
"""The commands that the pages name, read out of them as a reader would copy them.

Every line of a bare fence (```) or of an indented block is a command; anything else stands in a
fence with its language (```text, ```yaml). Within a sentence, what stands in backticks is one if
it begins with a program that the pages use and is more than its name.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROGRAMS: Final = (
    *("make", "python", "python3", "pytest", "pip", ".venv/bin/python", "kioskd", "kioskctl"),
    *("splat-gles", "driving-client", "curl", "sudo", "apt", "systemctl", "journalctl", "openssl"),
    *("tar", "unzip", "aplay", "espeak-ng", "genio-flash", "git"),
)
_INLINE: Final = re.compile(
    rf"`((?:{'|'.join(map(re.escape, PROGRAMS))}|scripts/\w+\.(?:sh|py)) [^`]+)`"
)
_FUNCTION: Final = re.compile(r"\w+\(\) \{.*\}")
_LOOP: Final = re.compile(r"(?:while|for|if) ")
_LOOP_END: Final = re.compile(r"(?:done|fi)\b")


@dataclass(frozen=True)
class Command:
    """`text` without comments; `before`: the functions that its block defines above it."""

    text: str
    where: str
    before: str = ""


def page_commands(root: Path) -> list[Command]:
    """The commands of all pages but the changelog and the results of tests, each text once."""
    listing = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    found: dict[str, Command] = {}
    for page in listing.split():
        if page != "CHANGELOG.md" and not page.startswith("tests/results/"):
            for command in commands_of((root / page).read_text("utf-8"), page):
                found.setdefault(command.text, command)
    return list(found.values())


def commands_of(text: str, page: str) -> Iterator[Command]:
    """The commands of one page, in order."""
    fence: str | None = None
    block: list[tuple[int, str]] = []
    above = ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        indented = fence is None and line.startswith("    ") and (block or not above.strip())
        if line.startswith("```") or (fence is None and block and line.strip() and not indented):
            yield from _of_block(block, page)
            block = []
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
        elif indented or fence == "":
            block.append((number, line.strip()))
        elif fence is None:
            for inline in _INLINE.findall(line):
                yield Command(inline, f"{page}:{number}")
        above = line
    yield from _of_block(block, page)


def _of_block(lines: list[tuple[int, str]], page: str) -> Iterator[Command]:
    functions, parts, first = "", [], 0
    for number, line in lines:
        if not parts:
            first = number
        parts.append(re.sub(r"\s+#\s.*", "", line))
        whole = "\n".join(parts)
        open_loop = _LOOP.match(whole) and not _LOOP_END.match(parts[-1])
        if parts[-1].endswith("\\") or open_loop or not whole:
            parts = parts if whole else []
            continue
        parts = []
        text = re.sub(r"\\\n\s*", "", whole)
        if _FUNCTION.fullmatch(text):
            functions += f"{text}\n"
        else:
            yield Command(text, f"{page}:{first}", functions)
