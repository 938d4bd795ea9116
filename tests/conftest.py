# SPDX-License-Identifier: Apache-2.0
"""Shared by all tests: an environment without a screen, and the plugins beside this file."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

# A script that runs the tests in the background ignores SIGINT, and so would all their processes
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["SDL_VIDEODRIVER"] = "offscreen"
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow now and then: no finding, whether in an example or in making it
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A run of continuous integration repeats itself; at a desk every run tries new examples
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

pytest_plugins = ["budget", "made_up.plugin", "sound_server"]

ROOT = Path(__file__).resolve().parent.parent
# Processes that tests start import this checkout, whichever one the environment was made for
os.environ["PYTHONPATH"] = os.pathsep.join(
    (str(ROOT), str(ROOT / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")]))
)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """A name that is not there is told: the workers of xdist swallow what pytest says of it."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        left_out = f" that is {marks!r}" if (marks := config.option.markexpr) else ""
        terminalreporter.write_line(f"error: no test{left_out} in {' '.join(config.args)}")


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the project."""
    return ROOT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What tests of hostile text leave in the log can be sent from a worker: no lone surrogates."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
