# SPDX-License-Identifier: Apache-2.0
"""The last result of a long test is a page with date, commit, machine and figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import test_result


def test_a_result_says_when_where_and_what_came_out(tmp_path: Path) -> None:
    figures = {"kills of the endpoint": 12, "memory": "197 MB, level"}
    for passed, word in ((True, "passed"), (False, "FAILED")):
        path = test_result.write_result(
            "soak", "An hour of it.", passed=passed, seconds=90, figures=figures, folder=tmp_path
        )
        text = path.read_text()
        assert path.name == "soak.md"
        assert text.startswith("# make soak\n\nAn hour of it.\n")
        assert re.search(r"^\| date \| \d{4}-\d\d-\d\d \d\d:\d\d UTC \|$", text, re.MULTILINE)
        assert re.search(r"^\| commit \| [0-9a-f]{40}(, with changes)? \|$", text, re.MULTILINE)
        assert re.search(r"^\| machine \| \d+ × .+, Python 3\.\d+\.\d+ \|$", text, re.MULTILINE)
        assert f"| result | {word} |" in text
        assert "| took | 1.5 minutes |" in text
        assert text.endswith("| kills of the endpoint | 12 |\n| memory | 197 MB, level |\n")
    assert [each.name for each in tmp_path.iterdir()] == ["soak.md"], "the next writes over it"


def test_a_command_may_have_another_name_than_its_result(tmp_path: Path) -> None:
    path = test_result.write_result(
        "attacks",
        "All.",
        passed=True,
        seconds=1,
        figures={},
        command="bench-attacks",
        folder=tmp_path,
    )
    assert path.name == "attacks.md"
    assert path.read_text().startswith("# make bench-attacks\n")


def test_a_copy_without_history_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_result, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert test_result.commit() == "unknown: no git checkout"
