# SPDX-License-Identifier: Apache-2.0
"""Every way in which kioskd ends, with its exit status: the hook decides by it what follows.

Real processes, as the service manager sees them. Ends that need a running daemon (signals, a port
in use, a stuck thread) are told in `test_service.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kiosk_process import GENEROUS_S, ROOT, running, write_small_avatar

from driving_client.errors import DrivingError
from kioskd.cli import EXIT_CONFIG, EXIT_FAILURE, exit_status
from kioskd.config import ConfigError
from kioskd.errors import KioskError
from splat_gles.errors import SplatError

BROKEN_DEFAULT = "from kioskd.config import sections; sections.DEFAULT_AVATAR = 'broken.avatar'"
"""An image whose own default avatar is damaged."""
BROKEN_RETARGET = (
    "from driving_client.retarget import retarget_file; retarget_file.PACKAGED = 'none.json'"
)
CRASHING_CHECKS = """
from kioskd.health.status import Monitor
def update(*_): raise ValueError("odd")
Monitor.update = update
"""


def ended(*arguments: str, image: str = "") -> tuple[int, str]:
    """Exit status and what is told, of a kiosk whose image was changed by the code `image`."""
    code = f"import sys\n{image}\nfrom kioskd.__main__ import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
        env=os.environ | {"SDL_VIDEODRIVER": "offscreen"},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def plain(tmp_path: Path) -> list[str]:
    """Arguments of a kiosk that would run."""
    avatar = write_small_avatar(tmp_path / "ball.avatar")
    (tmp_path / "kiosk.yaml").write_text(
        f"avatar: {{path: {avatar}}}\nendpoint: {{url: ''}}\nhealth: {{port: 0}}\n"
        "audio: {enabled: false}\ndisplay: {width: 90, height: 160}\n"
    )
    return ["--config", str(tmp_path / "kiosk.yaml")]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--check"]])
def test_what_was_asked_and_answered_is_0(plain: list[str], arguments: list[str]) -> None:
    status, told = ended(*plain, *arguments)
    assert status == 0, told


@pytest.mark.parametrize("arguments", [["--nonsense"], ["play"]])
def test_a_command_line_that_nobody_understands_is_2(arguments: list[str]) -> None:
    status, told = ended(*arguments)
    assert (status, "usage:" in told) == (2, True), told


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "/nowhere/kiosk.yaml"],
        ["--set", "audio.volume=7", "--check"],
        ["--set", "endpoint.session_key_file=/nowhere/key"],
        ["--set", "playback.retarget=/dev/null"],
    ],
)
def test_a_wrong_configuration_is_78(plain: list[str], arguments: list[str]) -> None:
    status, told = ended(*plain, *arguments)
    assert status == EXIT_CONFIG, told
    assert told.startswith("error: ")
    assert "Traceback" not in told


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize("configured", ["", "also_broken.avatar"])
def test_an_image_without_a_whole_avatar_is_no_fault_of_the_configuration(
    plain: list[str], configured: str, check: list[str]
) -> None:
    status, told = ended(*plain, "--set", f"avatar.path={configured}", *check, image=BROKEN_DEFAULT)
    assert status == EXIT_FAILURE, told
    assert "broken.avatar" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "image", "words"),
    [
        (["play", "/nowhere/recording.json"], "", "/nowhere/recording.json"),
        (["--set", "display.driver=x11"], "", "x11"),
        ([], BROKEN_RETARGET, "none.json: cannot be read"),
    ],
    ids=["no recording", "no display", "packaged retarget"],
)
def test_whatever_else_cannot_begin_is_1_and_told_in_words(
    plain: list[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], image: str, words: str
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    status, told = ended(*plain, *arguments, image=image)
    assert status == EXIT_FAILURE, told
    assert words in told
    assert "Traceback" not in told


def test_a_part_that_breaks_ends_it_with_1(plain: list[str]) -> None:
    status, told = ended(*plain, image=CRASHING_CHECKS)
    assert (status, "task_failed" in told) == (EXIT_FAILURE, True), told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_that_was_asked_for_is_0(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, config="endpoint: {url: ''}\n") as kiosk:
        assert kiosk.stop(number) == 0, kiosk.log


def _kinds(root: type[Exception]) -> Iterator[type[Exception]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)


def test_of_all_errors_only_the_configurations_own_is_78() -> None:
    roots = (KioskError, DrivingError, SplatError)
    kinds = {kind for root in roots for kind in _kinds(root)}
    assert len(kinds) > 12
    found = {kind for kind in kinds if exit_status(kind.__new__(kind)) == EXIT_CONFIG}
    assert found == {ConfigError}
