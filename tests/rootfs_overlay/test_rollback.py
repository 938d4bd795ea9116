# SPDX-License-Identifier: Apache-2.0
"""What happens when kioskd has failed for good; systemd is a recorder that answers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hook_stage import Board, Images

from driving_client.errors import RetargetError
from kioskd.cli import exit_status
from kioskd.durable_files import DiskFiles
from kioskd.screen.avatar_loading import AvatarError
from kioskd.update.last_result import read_result
from kioskd.update.slot_state import SlotState, read_state, write_state
from kioskd.update.store import Slot

REBOOT = "systemctl --no-block reboot"
PAGE = "systemctl --no-block start kiosk-safe-page.service"
IN_PLACE = "systemctl --no-block restart kiosk-activate.service kioskd.service"


def failed(
    board: Board, running: Slot, status: int = 1, state: str = "failed", marked: int = 0
) -> list[str]:
    """kioskd ended like that: what systemd is told to do."""
    board.store.run.mkdir(exist_ok=True)
    (board.store.run / "slot").write_text(running + "\n")
    (board.folder / "property-ActiveState").write_text(state + "\n")
    # The recorder does not tell units apart: kiosk-mark-good's status counts while kioskd is up
    (board.folder / "property-ExecMainStatus").write_text(f"{marked or status}\n")
    (board.folder / "property-Result").write_text("start-limit-hit\n")
    result = board.run("rollback")
    assert result.returncode == 0, result.stderr
    return [line for line in board.asked() if " show " not in line and "journal" not in line]


def with_images(board: Board, images: Images) -> Board:
    board.put("a", images.one)
    board.put("b", images.two)
    return board


def reason(board: Board) -> list[str]:
    return (board.store.run / "reason").read_text().splitlines()


def test_an_image_on_trial_is_rolled_back_with_a_reboot(board: Board, images: Images) -> None:
    with_images(board, images)
    write_state(board.store, SlotState("a", "b", 2), DiskFiles())
    assert failed(board, "b") == [REBOOT]
    assert read_state(board.store) == SlotState("a", failures=1)
    result = read_result(board.store)
    assert result is not None
    assert (result.result, result.slot, result.reason) == ("fallback", "a", "start_limit")
    assert board.run("slots.sh", "choose").stdout == "a\n"


def test_also_when_the_new_image_refuses_the_configuration(board: Board, images: Images) -> None:
    with_images(board, images)
    write_state(board.store, SlotState("a", "b", 2), DiskFiles())
    assert failed(board, "b", status=78) == [REBOOT]
    assert read_state(board.store) == SlotState("a", failures=1)


def test_also_when_it_never_became_healthy_but_not_for_a_busy_store(
    board: Board, images: Images
) -> None:
    with_images(board, images)
    begin = SlotState("a", "b", 2)
    write_state(board.store, begin, DiskFiles())
    assert failed(board, "b", state="active", marked=2) == []
    assert read_state(board.store) == begin
    assert failed(board, "b", state="active", marked=3) == [REBOOT]
    assert read_state(board.store) == SlotState("a", failures=1)
    # Of the good image the same word changes nothing
    assert failed(board, "a", state="active", marked=3) == []


def test_a_wrong_configuration_leads_to_a_page_with_its_errors(
    board: Board, images: Images
) -> None:
    with_images(board, images)
    write_state(board.store, SlotState("a"), DiskFiles())
    (board.folder / "journal").write_text(
        "Starting kioskd.service\nerror: /etc/kiosk/kiosk.yaml:3: endpoint.urll: unknown key\n"
        "error: /etc/kiosk/kiosk.yaml:9: audio.device: must not be empty\nkioskd.service: Failed\n"
    )
    assert failed(board, "a", status=78) == [PAGE]
    assert reason(board) == [
        "config",
        "The configuration is wrong.",
        "error: /etc/kiosk/kiosk.yaml:3: endpoint.urll: unknown key",
        "error: /etc/kiosk/kiosk.yaml:9: audio.device: must not be empty",
    ]
    assert read_state(board.store) == SlotState("a"), "another image would not mend it"


@pytest.mark.parametrize("error", [AvatarError("none at all"), RetargetError("damaged")])
def test_what_is_broken_in_the_image_is_mended_by_the_other_image(
    board: Board, images: Images, error: Exception
) -> None:
    """Such as its default avatar: kioskd's own status for it is not the configuration's."""
    with_images(board, images)
    write_state(board.store, SlotState("a"), DiskFiles())
    assert failed(board, "a", status=exit_status(error)) == [REBOOT]
    assert read_state(board.store) == SlotState("a", "b", 1, failures=1)
    assert board.run("slots.sh", "choose").stdout == "b\n"


def test_a_good_image_that_fails_lets_the_other_try_and_then_it_ends(
    board: Board, images: Images
) -> None:
    """Never an endless reboot: two images that both fail, and a board with a long uptime."""
    with_images(board, images)
    (board.folder / "uptime").write_text("90000.0 1.0\n")
    board.variables["KIOSK_UPTIME"] = str(board.folder / "uptime")
    write_state(board.store, SlotState("a"), DiskFiles())
    history = []
    running: Slot = "a"
    for _ in range(9):
        asked = failed(board, running)
        history.append((running, asked))
        if asked == [PAGE]:
            break
        running = "a" if board.run("slots.sh", "choose").stdout == "a\n" else "b"
    assert history == [("a", [REBOOT]), ("b", [REBOOT]), ("a", [PAGE])]
    assert reason(board)[:2] == ["service", "The avatar does not stay up: start-limit-hit."]
    before = (board.store.state / "slots").stat().st_mtime_ns
    assert failed(board, "a") == [PAGE]
    assert (board.store.state / "slots").stat().st_mtime_ns == before, "nor endless writing"


def test_with_one_image_only_the_page_remains(board: Board, images: Images) -> None:
    board.put("a", images.one)
    write_state(board.store, SlotState("a"), DiskFiles())
    assert failed(board, "a") == [PAGE]
    assert read_state(board.store) == SlotState("a")


@pytest.mark.parametrize(
    ("minutes_up", "last", "reboots"),
    [
        (5, None, True),
        (5, 10, False),
        (5, 59, False),
        (5, 61, True),
        (61, 62, True),
        (5, "0", False),
        (5, "never", False),
        (5, -600, False),
    ],
)
def test_a_rollback_reboots_once_an_hour_at_most(
    make_board: Callable[[str], Board],
    images: Images,
    minutes_up: int,
    last: int | str | None,
    reboots: bool,
) -> None:
    """`last`: minutes since the last such reboot by the clock, which may be wrong or unset."""
    board = with_images(make_board("dash"), images)
    write_state(board.store, SlotState("a", "b", 2), DiskFiles())
    (board.folder / "uptime").write_text(f"{minutes_up * 60}.20 1.0\n")
    board.variables["KIOSK_UPTIME"] = str(board.folder / "uptime")
    if last is not None:
        when = str(int(time.time()) - 60 * last) if isinstance(last, int) else last
        (board.store.state / "rollback-reboot").write_text(when + "\n")
    asked = failed(board, "b")
    assert asked == ([REBOOT] if reboots else ["systemctl reset-failed kioskd.service", IN_PLACE])
    assert read_state(board.store) == SlotState("a", failures=1), "the image changes either way"


def test_where_nothing_can_be_written_there_is_a_page_and_no_reboot(
    make_board: Callable[[str], Board], images: Images
) -> None:
    board = with_images(make_board("dash"), images)
    write_state(board.store, SlotState("a", "b", 2), DiskFiles())
    (board.store.state / "slots.new").mkdir()
    assert failed(board, "b") == [PAGE]
    assert "cannot be written" in reason(board)[1]


SLEEP = """#!/bin/sh
mv "$KIOSK_STAGE/later" "$KIOSK_STAGE/property-ActiveState"
"""


@pytest.mark.parametrize(("later", "asked"), [("failed", [REBOOT]), ("active", [])])
def test_the_end_of_restarts_is_awaited(
    board: Board, images: Images, later: str, asked: list[str]
) -> None:
    """systemd 254 and newer run OnFailure= before each restart, older ones only at their end."""
    with_images(board, images)
    write_state(board.store, SlotState("a", "b", 2), DiskFiles())
    sleep = board.folder / "bin" / "sleep"
    sleep.unlink(missing_ok=True)
    sleep.write_text(SLEEP)
    sleep.chmod(0o755)
    (board.folder / "later").write_text(later + "\n")
    assert failed(board, "b", status=255, state="activating") == asked


def test_nothing_is_done_where_nothing_has_failed(board: Board, images: Images) -> None:
    """Such as when activation failed: its own unit shows the page."""
    with_images(board, images)
    assert board.run("rollback").returncode == 0, "no slot runs"
    assert board.asked() == ["systemctl show -p ActiveState --value kioskd.service"]
    write_state(board.store, SlotState("a"), DiskFiles())
    assert failed(board, "a", state="inactive") == []
