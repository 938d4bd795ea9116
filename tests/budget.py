# SPDX-License-Identifier: Apache-2.0
"""What each group of tests takes, against its budget in tests/README.md.

A group is a folder of tests/; `linters` are the files beside them. Being over budget is said
loudly and fails nothing: machines differ, and so do the things that run beside the tests. A run
of several pytests (continuous integration) collects the times of all in the file that
KIOSK_TEST_TIMES names; `python tests/budget.py FILE` prints their table.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

PAGE: Final = Path(__file__).resolve().parent / "README.md"
TIMES: Final = "KIOSK_TEST_TIMES"
_ROW: Final = re.compile(
    r"^\| `(?P<group>\w+)` \|[^|]*\| (?P<takes>[\d.]+) \| (?P<budget>[\d.]+) \|", re.MULTILINE
)


def group_of(nodeid: str) -> str:
    """The group of a test by its id, such as `tests/kioskd/test_x.py::test_y`."""
    folders = nodeid.partition("::")[0].split("/")
    return folders[1] if len(folders) > 2 else "linters"


def read_budgets(page: Path = PAGE) -> dict[str, tuple[float, float]]:
    """By group: the minutes that it takes on two idle cores, and that it may take."""
    return {
        row["group"]: (float(row["takes"]), float(row["budget"]))
        for row in _ROW.finditer(page.read_text("utf-8"))
    }


def table(seconds: Mapping[str, float], budgets: Mapping[str, tuple[float, float]]) -> list[str]:
    """Lines for people: what each group took, and which are over their budget."""
    lines, allowed = [f"{'group':16}{'took':>9}{'budget':>9}   minutes"], 0.0
    for group, taken in seconds.items():
        _, budget = budgets.get(group, (0.0, 0.0))
        allowed += budget
        over = "   OVER BUDGET" if taken > 60 * budget else ""
        lines.append(f"{group:16}{taken / 60:9.1f}{budget:9.1f}{over}")
    lines.append(f"{'all':16}{sum(seconds.values()) / 60:9.1f}{allowed:9.1f}")
    return lines


class Times:
    """pytest's plugin: adds up, prints at the end, and keeps it for who runs several."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        group = group_of(report.nodeid)
        self.seconds[group] = self.seconds.get(group, 0.0) + report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.seconds:
            return
        terminalreporter.section("time by group")
        for line in table(self.seconds, read_budgets()):
            terminalreporter.line(line, red="OVER" in line)
        if times := os.environ.get(TIMES):
            with Path(times).open("a") as file:
                file.writelines(f"{group} {taken}\n" for group, taken in self.seconds.items())


def pytest_configure(config: pytest.Config) -> None:
    # The workers of xdist run the tests and report to the one process that sees all of them
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Times(), "time-by-group")


def pytest_report_header(config: pytest.Config) -> str | None:
    """How long it will take, where all of tests/ is run."""
    if [each.rstrip("/") for each in config.args] != ["tests"]:
        return None
    if config.option.markexpr == "not slow":
        return "the quick lane: under 3 minutes on two idle cores"
    minutes = sum(takes for group, (takes, _) in read_budgets().items() if group not in ELSEWHERE)
    minutes /= WORKERS
    return f"about {minutes:.0f} minutes on two idle cores; `make test FAST=1` takes under 3"


WORKERS: Final = 2
"""How many tests `make test` runs at a time; the table has the time of both."""
ELSEWHERE: Final = ("image", "vendor_clients")
"""Groups with targets of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing is slow without a reason."""
    for item in items:
        for mark in item.iter_markers("slow"):
            if len(mark.args) != 1 or not isinstance(mark.args[0], str):
                raise pytest.UsageError(f"{item.nodeid}: give the reason: slow('builds an avatar')")


def summed(lines: Iterable[str]) -> dict[str, float]:
    """Seconds by group of lines `group seconds`; a group may come more than once."""
    seconds: dict[str, float] = {}
    for line in lines:
        group, taken = line.split()
        seconds[group] = seconds.get(group, 0.0) + float(taken)
    return seconds


if __name__ == "__main__":
    print("\n".join(table(summed(Path(sys.argv[1]).read_text().splitlines()), read_budgets())))
