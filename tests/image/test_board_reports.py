# SPDX-License-Identifier: Apache-2.0
"""What a board tells of itself: board/probe.sh in a booted system, with that system's shells."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from image_test.kiosk import Kiosk
from image_test.prepare import BOARD

PROBE: Final = Path(__file__).resolve().parents[2] / "board/probe.sh"
PROBE_S: Final = 300.0
CHANGED: Final = """
find / /run /tmp -xdev -cnewer /run/marker ! -path '/var/log/journal*' ! -path '/run/log/*' \
    ! -path '/var/lib/kiosk/data*' ! -path /run ! -path '/run/image-test.*' \
    ! -path '/run/systemd/*' | sort
"""
"""What has changed since the marker, on the disk and in memory, but for what services write."""
STATE: Final = "cat /proc/mounts; cut -d' ' -f1 /proc/modules | sort"


@pytest.mark.slow("starts hundreds of programs on an emulated processor")
def test_probe_says_go_and_changes_nothing(kiosk: Kiosk) -> None:
    """In Debian's own shell, and in busybox with nothing but its applets."""
    shell = kiosk.machine.shell
    shell(f"cat >/run/probe.sh <<'END_OF_PROBE'\n{PROBE.read_text()}\nEND_OF_PROBE")
    shell("mkdir /run/applets && busybox --install -s /run/applets", PROBE_S)
    before = shell(f"{STATE}; : >/run/marker; : >/var/tmp/after-it")
    page = kiosk.machine.try_shell("sh -s </run/probe.sh", PROBE_S)
    facts = kiosk.machine.try_shell(
        "PATH=/run/applets /run/applets/sh /run/probe.sh --facts", PROBE_S
    )
    assert shell(CHANGED, PROBE_S).split() == ["/var/tmp", "/var/tmp/after-it"]
    assert shell(STATE) == before
    (kiosk.machine.settings.folder / "probe.txt").write_text(f"{page.output}\n{facts.output}")
    assert page.status == facts.status == 0
    told = dict(line.split("=", 1) for line in facts.output.splitlines())
    judged = {name: told[name] for name in told if name.endswith(".verdict")}
    assert told["board_file"] == BOARD
    assert judged["board.verdict"] == judged["screen.verdict"] == judged["sound.verdict"] == "go"
    # No root of the test has its kernel's options, and no virtual machine has a sensor
    not_go = {name: verdict for name, verdict in judged.items() if verdict != "go"}
    assert not_go == {"squashfs-xz.verdict": "limits", "thermal.verdict": "limits"}
    last = page.output.splitlines()[-1]
    assert last == f"GO, with the limits above: make overlay BOARD={BOARD}"
