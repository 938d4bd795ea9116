# SPDX-License-Identifier: Apache-2.0
"""make verified: a stranger's report becomes an entry of a board, or is refused in words."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

import verify_report
from board_reports.board_file import add_entry
from board_reports.entry import entry_of
from board_reports.matrix import boards_reported, matrix
from board_reports.reading import MAX_BYTES, ReportError, read_report
from firmware.boards import BOARDS, board_names, load_board
from firmware.payload import board_facts

FRAMES = [
    {"scale": 0.5, "frames": 100, "ms_p50": 11.0, "ms_p95": 12.0},
    {"scale": 1.0, "frames": 100, "ms_p50": 30.0, "ms_p95": 32.0},
]
REPORT: dict[str, Any] = {
    "format": 1,
    "date": "2026-05-31",
    "version": "0.1.0+abc123",
    "board": "rk3576",
    "machine": {
        "model": "Radxa ROCK 4D",
        "compatible": ["radxa,rock-4d", "rockchip,rk3576"],
        "arch": "aarch64",
    },
    "system": {"os": "debian", "os_version": "12", "kernel": "6.1.75", "kernel_words": ["rkr"]},
    "cards": [
        {
            "driver": "rockchip-drm",
            "outlets": [{"name": "HDMI-A-1", "status": "connected", "modes": ["1920x1080"]}],
        }
    ],
    "sound": {"cards": [["hdmi"]], "chosen": ["hdmi", "rockchip"]},
    "npu": {"device": True, "library": True, "driver": "0.9.8"},
    "watchdog": {"there": True, "timeout_s": 44},
    "bench": {
        "format": 1,
        "graphics": {"status": "measured", "width": 1920, "height": 1080},
        "avatars": {
            "status": "measured",
            "avatars": [{"name": "default", "splats": 60000, "frames": FRAMES}],
        },
        "speech": {"status": "measured", "cpu_ms": 9.8, "npu_ms": 5.1, "equal": True},
    },
}


def changed(*path: str | int, to: object) -> dict[str, Any]:
    """The report with another value somewhere."""
    told: Any = copy.deepcopy(REPORT)
    inner = told
    for each in path[:-1]:
        inner = inner[each]
    inner[path[-1]] = to
    return dict(told)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copies of the board files and the pages."""
    for name in board_names():
        folder = tmp_path / "board" / name
        folder.mkdir(parents=True)
        text = re.sub(
            r"^verified_on:(?: .*|(?:\n[ -].*)+)$",
            "verified_on: []  # nobody yet",
            (BOARDS / name / "board.yaml").read_text(),
            flags=re.MULTILINE,
        )
        (folder / "board.yaml").write_text(text)
    for page in ("README.md", "first_hour.md"):
        (tmp_path / "board" / page).write_text((BOARDS / page).read_text())
    (tmp_path / "README.md").write_text((BOARDS.parent / "README.md").read_text())
    return tmp_path


def sent(tmp_path: Path, content: object) -> Path:
    """The report as a file."""
    path = tmp_path / "report.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def take(checkout: Path, content: object) -> int:
    """Take a report into the copied checkout."""
    report = sent(checkout, content)
    return verify_report.take(report, checkout / "board", checkout / "README.md")


def files(checkout: Path) -> dict[str, str]:
    """All of it."""
    return {
        str(path): path.read_text()
        for path in checkout.rglob("*")
        if path.suffix in (".md", ".yaml")
    }


def test_a_report_becomes_an_entry_a_row_and_a_number(checkout: Path) -> None:
    assert take(checkout, REPORT) == 0
    board = load_board("rk3576", checkout / "board")
    (entry,) = board.verified_on
    assert board.describe().endswith("verified on 2026-05-31 Radxa ROCK 4D, 0.1.0+abc123")
    assert (entry.system, entry.screen) == ("debian 12, Linux 6.1.75 rkr", "HDMI-A-1 1920x1080")
    assert (entry.sound, entry.npu) == ("hdmi rockchip", "driver 0.9.8, 5.1 ms (CPU 9.8)")
    assert (entry.watchdog, entry.measured) == ("44 s", "31 at 1920x1080, 60000 splats")
    assert re.fullmatch(r"\d+ \(\d+ to \d+\)", entry.estimated)
    page = (checkout / "board/README.md").read_text()
    assert "Boards reported: 1\n" in page
    assert f"Radxa ROCK 4D | {entry.system} | {entry.screen} | {entry.sound} | {entry.npu}" in page
    assert "Boards reported: 1" in (checkout / "README.md").read_text()
    assert "boards reported: 1" in (checkout / "board/first_hour.md").read_text()
    # What the payload carries stays a list of texts, as kioskd reads it
    assert board_facts(board)["verified_on"] == [entry.describe()]


def test_the_same_report_again_changes_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(checkout, REPORT)
    before = files(checkout)
    assert take(checkout, json.dumps(REPORT, indent=7, sort_keys=True)) == 0
    assert files(checkout) == before
    assert capsys.readouterr().out.endswith("nothing to change\n")


def test_comments_and_order_of_a_board_file_stay(checkout: Path) -> None:
    path = checkout / "board/rk3576/board.yaml"
    path.write_text(path.read_text().replace("tier: 1", "tier: 1  # ours"))
    before = path.read_text().splitlines()
    take(checkout, REPORT)
    take(checkout, changed("machine", "model", to="ArmSoM Sige5"))
    after = path.read_text().splitlines()
    at = before.index("verified_on: []  # nobody yet")
    assert after[:at] == before[:at]
    assert after[-(len(before) - at - 1) :] == before[at + 1 :]
    assert [each.model for each in load_board("rk3576", checkout / "board").verified_on] == [
        "Radxa ROCK 4D",
        "ArmSoM Sige5",
    ]


def test_a_list_in_another_style_is_added_to_or_told_of(checkout: Path) -> None:
    take(checkout, REPORT)
    path = checkout / "board/rk3576/board.yaml"
    board = load_board("rk3576", checkout / "board")
    other = entry_of(changed("version", to="0.2.0"), board, date(2026, 6, 1))
    last = {"flash": yaml.safe_load(path.read_text())["flash"]}
    kept = {
        name: each for name, each in yaml.safe_load(path.read_text()).items() if name != "flash"
    }
    entries = {"verified_on": kept.pop("verified_on")}
    # As the last key of a file without a line end, with lines that begin in the first column
    path.write_text((yaml.safe_dump(last | kept) + yaml.safe_dump(entries)).rstrip() + "  # end")
    assert add_entry(path, other)
    assert len(load_board("rk3576", checkout / "board").verified_on) == 2
    path.write_text(
        yaml.safe_dump(last | kept) + f"verified_on: {json.dumps(entries['verified_on'])}"
    )
    before = path.read_text()
    with pytest.raises(ReportError, match="write it as a list of lines"):
        add_entry(path, other)
    assert path.read_text() == before


def test_the_same_board_counts_once(checkout: Path) -> None:
    take(checkout, REPORT)
    take(checkout, changed("version", to="0.2.0"))
    take(checkout, changed("machine", "model", to="ArmSoM Sige5"))
    boards = [load_board(name, checkout / "board") for name in board_names(checkout / "board")]
    assert boards_reported(boards) == 2
    assert matrix(boards).count("[`rk3576`]") == 3


HOSTILE: dict[str, tuple[object, str]] = {
    "empty": ("", "is not JSON"),
    "not text": (b"\xff\xfe{}", "is not JSON"),
    "a list": ("[]", "is not a report"),
    "a number": ("7", "is not a report"),
    "too large": (" " * (MAX_BYTES + 1), "larger than the 256 KiB allowed"),
    "nested without end": ("[" * 100_000, "nested too deeply"),
    "nested within": ('{"format": 1, "gl": ' + '{"gl":' * 20_000, "nested too deeply"),
    "NaN": (json.dumps(REPORT).replace("9.8", "NaN"), "NaN is no number"),
    "infinity": (json.dumps(REPORT).replace("9.8", "-Infinity"), "is no number"),
    "a huge number": (json.dumps(REPORT).replace("9.8", "1e999"), "must be from 0"),
    "a long number": (json.dumps(REPORT).replace("60000", "6" * 5000), "is not JSON"),
    "a larger number": (json.dumps(REPORT).replace("60000", "6" * 400), "must be from 1"),
    "a field twice": (json.dumps(REPORT)[:-1] + ', "board": "s565"}', "'board' is given twice"),
    "half": (json.dumps(REPORT)[:200], "is not JSON"),
    "another version": (changed("format", to=2), "format 2, this checkout reads 1"),
    "no version": ({"board": "rk3576"}, "format None"),
    "true for one": (changed("npu", "driver", to=True), "npu.driver"),
    "an unknown field": (changed("machine", "serial", to="c3d9"), "machine.serial: unknown field"),
    "an unknown board": (changed("board", to="rk3577"), "no board 'rk3577' here; the boards are"),
    "a path": (changed("board", to="../../etc"), "board: '../../etc' is not of the form"),
    "markup": (changed("machine", "model", to="<b> | `x`"), "machine.model"),
    "a line end": (changed("machine", "model", to="ROCK\ntier: 1"), "machine.model"),
    "escape codes": (changed("board", to="\x1b[2J"), "board: '\\x1b[2J'"),
    "other digits": (changed("system", "kernel", to="٦.1"), "system.kernel"),
    "another chip": (
        changed("machine", "compatible", to=["rockchip,rk3588"]),
        "its chip is rockchip,rk3588, the board's is rockchip,rk3576",
    ),
    "a desktop": (changed("machine", "arch", to="x86_64"), "its machine is x86_64"),
    "no machine": (changed("machine", to={}), "names no model and no chip"),
    "no day": (changed("date", to="2026-02-31"), "is no day"),
    "a day to come": (changed("date", to="2099-01-01"), "is not between"),
    "too fast": (
        changed("bench", "avatars", "avatars", 0, "frames", 1, to=FRAMES[1] | {"ms_p95": 0.1}),
        "half of the frames take longer",
    ),
    "faster than any": (
        changed(
            "bench", "avatars", "avatars", 0, "frames", 1,
            to=FRAMES[1] | {"ms_p50": 0.1, "ms_p95": 0.1},
        ),
        "10000 frames a second are more than any board draws",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_report_is_refused_and_changes_nothing(checkout: Path, kind: str) -> None:
    content, told = HOSTILE[kind]
    before = files(checkout)
    with pytest.raises(ReportError) as error:
        take(checkout, content)
    assert told in str(error.value)
    assert str(error.value).isprintable() or "\n" in str(error.value)
    assert len(str(error.value)) < 4000
    assert files(checkout) == before


def test_many_problems_are_told_without_end_to_none(tmp_path: Path) -> None:
    noise = {f"field{number}": 1 for number in range(500)}
    with pytest.raises(ReportError) as error:
        read_report(sent(tmp_path, REPORT | noise))
    assert "and 480 more" in str(error.value)


def test_a_report_without_a_date_is_dated_when_it_is_taken() -> None:
    told = {name: each for name, each in REPORT.items() if name != "date"}
    assert entry_of(told, load_board("rk3576"), date(2026, 6, 1)).date == "2026-06-01"


def test_a_report_of_a_board_that_measured_nothing_says_so() -> None:
    told = {name: each for name, each in REPORT.items() if name not in ("bench", "npu", "cards")}
    entry = entry_of(told, load_board("rk3576"), date(2026, 6, 1))
    assert (entry.measured, entry.estimated) == ("not measured", "not measured")
    assert (entry.npu, entry.screen) == ("none", "none")


def test_without_a_report_the_target_says_how_to_name_one(root: Path) -> None:
    told = subprocess.run(
        ["make", "-n", "verified"], capture_output=True, text=True, cwd=root, check=True
    )
    assert "verify_report.py\n" in told.stdout.replace(" \n", "\n")
    with pytest.raises(SystemExit) as ended:
        verify_report.main([])
    assert ended.value.code == 2


def test_the_command_ends_badly_in_words(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "scripts/verify_report.py", str(tmp_path / "none.json")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_the_pages_tell_as_many_boards_as_the_board_files(root: Path) -> None:
    boards = [load_board(name) for name in board_names()]
    again = "draw it again: scripts/verify_report.py --draw"
    assert matrix(boards) in (BOARDS / "README.md").read_text(), again
    for page in (root / "README.md", BOARDS / "first_hour.md", BOARDS / "README.md"):
        told = re.findall(r"[Bb]oards reported: (\d+)", page.read_text())
        assert told == [str(boards_reported(boards))], again
