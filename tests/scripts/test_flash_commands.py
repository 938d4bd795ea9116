# SPDX-License-Identifier: Apache-2.0
"""Running a vendor's tool: what it says is kept, its progress is read, it always ends."""

from __future__ import annotations

import sys

import pytest

from flashing.commands import progress_in, query, run
from flashing.errors import FlashError
from flashing.report import Report


@pytest.mark.parametrize(
    ("text", "fraction"),
    [
        ("\x1b[1A\x1b[2KWrite LBA from file (7%)\r\n", 0.07),
        ("Read LBA to file (41%)\r\nRead LBA to file (42%)\r\n", 0.42),
        ("Sending sparse 'userdata' 1/4 (262140 KB)  OKAY\nWriting 'userdata' 1/4", 0.25),
        ("Writing 'userdata' 4/4     OKAY [ 2.1s]", 1.0),
        ("Writing 'userdata' 1/0", 1.0),
        ("Sending 'boot' (512 KB)", None),
        ("", None),
    ],
)
def test_progress_is_read_from_the_tools_words(text: str, fraction: float | None) -> None:
    assert progress_in(text) == fraction


def test_all_that_is_said_is_kept_without_colours_and_with_its_status() -> None:
    script = (
        r"import sys; print('\x1b[30;41mno\x1b[0m\r'); print('err', file=sys.stderr); sys.exit(3)"
    )
    output = query([sys.executable, "-c", script])
    assert (output.status, output.last_line) == (3, "err")
    assert "\x1b" not in output.text
    assert "no" in output.text.split()


def test_a_tool_that_never_ends_is_stopped() -> None:
    with pytest.raises(FlashError, match="did not end"):
        query([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.3)


def test_a_program_that_cannot_be_run_is_an_error_in_words() -> None:
    with pytest.raises(FlashError, match="cannot be run: No such file or directory"):
        query(["/nowhere/tool"])


def test_progress_is_shown_in_tenths_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "".join(f"print('Write LBA from file ({n}%)', flush=True);" for n in (3, 5, 55, 100))
    run([sys.executable, "-c", words], Report())
    assert capsys.readouterr().out.split()[-1] == "100%"
