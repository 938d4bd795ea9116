# SPDX-License-Identifier: Apache-2.0
"""Writes an entry of `verified_on` into a board.yaml, whose order and comments stay as they are.

The text is added where PyYAML says that the list ends; a library that keeps comments would be one
more dependency for one list. What comes out is read again and compared before it is kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from board_reports.reading import ReportError
from firmware.boards import Verified
from kioskd.durable_files import DiskFiles, replace

_KEY = "verified_on"


def add_entry(path: Path, entry: Verified) -> bool:
    """Whether it was added: a report that is there already is left alone. Raises ReportError."""
    before = path.read_text("utf-8")
    kept: dict[str, Any] = yaml.safe_load(before)
    if any(each["report"] == entry.report for each in kept[_KEY]):
        return False
    after = _with(before, asdict(entry))
    expected = kept | {_KEY: [*kept[_KEY], asdict(entry)]}
    if _loaded(after) != expected:
        raise ReportError(
            f"{path}: {_KEY} is written in a way that cannot be added to; write it as a list of "
            "lines that begin with `- `"
        )
    replace(DiskFiles(), path, after.encode(), path.stat().st_mode & 0o777)
    return True


def _loaded(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _with(text: str, entry: dict[str, str]) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it was read as a board before
    key, listed = next((key, value) for key, value in root.value if key.value == _KEY)
    assert isinstance(listed, yaml.SequenceNode)
    # In quotes as JSON has them: a date stays a text
    lines = [f"{name}: {json.dumps(value)}" for name, value in entry.items()]
    if not listed.value:
        begin, end = key.end_mark.index, listed.end_mark.index
        return text[:begin] + ":\n" + _block(lines, 2) + text[end:]
    last = listed.value[-1].value[-1][1].end_mark.index
    end = text.find("\n", last)
    head, tail = (text, "") if end < 0 else (text[:end], text[end:])
    column = listed.start_mark.column
    return head + "\n" + _block(lines, column) + tail


def _block(lines: list[str], column: int) -> str:
    blank = " " * column
    return "\n".join([f"{blank}- {lines[0]}", *(f"{blank}  {line}" for line in lines[1:])])
