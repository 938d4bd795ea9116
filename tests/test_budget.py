# SPDX-License-Identifier: Apache-2.0
"""The groups of tests: each has a budget, and a run says what is over it or not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import budget
import pytest

pytest_plugins = ["pytester"]


def test_every_group_has_a_budget_and_all_fit_into_ci(root: Path) -> None:
    groups = {path.parent.name for path in (root / "tests").glob("*/test_*.py")} | {"linters"}
    budgets = budget.read_budgets()
    assert set(budgets) == groups
    assert all(takes <= allowed for takes, allowed in budgets.values())
    assert sum(allowed for _, allowed in budgets.values()) <= 37


def test_a_name_that_is_not_there_is_told_also_by_several_workers(root: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1", "tests/none"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "error: no test in tests/none" in done.stdout


def test_a_group_is_a_folder_and_the_linters_are_the_rest() -> None:
    assert budget.group_of("tests/kioskd/test_x.py::TestA::test_y[a/b]") == "kioskd"
    assert budget.group_of("tests/test_linters.py::test_y") == "linters"


def test_what_is_over_its_budget_is_said_loudly() -> None:
    seconds = budget.summed(["a 30", "b 100", "a 31.5"])
    head, a, b, all_of_it = budget.table(seconds, {"a": (0.5, 1.0), "b": (1.0, 2.0)})
    assert head.split() == ["group", "took", "budget", "minutes"]
    assert a.split() == ["a", "1.0", "1.0", "OVER", "BUDGET"]
    assert b.split() == ["b", "1.7", "2.0"]
    assert all_of_it.split() == ["all", "2.7", "3.0"]


def test_several_workers_count_a_test_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile("def test_a(): pass\ndef test_b(): pass\n")
    times = pytester.path / "times"
    monkeypatch.setenv(budget.TIMES, str(times))
    monkeypatch.setenv("PYTHONPATH", str(Path(budget.__file__).parent))
    done = pytester.runpytest_subprocess("-p", "budget", "-n", "2")
    done.assert_outcomes(passed=2)
    assert len(times.read_text().splitlines()) == 1, "one process knows the time of all"


def test_the_quick_lane_leaves_out_what_has_a_reason_to_be_slow(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\nmarkers = slow(why): x\n")
    pytester.makepyfile(
        "import pytest\n@pytest.mark.slow('builds an avatar')\ndef test_a(): pass\n"
        "def test_b(): pass\n"
    )
    times = pytester.path / "times"
    monkeypatch.setenv(budget.TIMES, str(times))
    done = pytester.inline_run("-p", "budget", "-m", "not slow")
    done.assertoutcome(passed=1)
    assert set(budget.summed(times.read_text().splitlines())) == {"linters"}
    pytester.makepyfile("import pytest\n@pytest.mark.slow\ndef test_a(): pass\n")
    assert pytester.runpytest_subprocess("-p", "budget").ret == pytest.ExitCode.USAGE_ERROR
