# SPDX-License-Identifier: Apache-2.0
"""What a board tells of itself: board/probe.sh before it is flashed, benchmark and report after.

On an emulated processor a benchmark's figures mean nothing. That it runs as the service does, on
the screen itself, is kept, told and leaves the avatar on the screen, does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from likeness import best_likeness
from screens import LIKE_DB

from board_reports.reading import read_report
from image_test.kiosk import START_S, Kiosk
from image_test.machine import SCREEN
from image_test.prepare import BOARD, Prepared
from kioskd.benchmark.parts import PARTS
from kioskd.benchmark.result import FILE_NAME
from kioskd.benchmark.result import read as read_kept

PROBE: Final = Path(__file__).resolve().parents[2] / "board/probe.sh"
PROBE_S: Final = 300.0
BENCH_S: Final = 1800.0
CHANGED: Final = """
find / /run /tmp -xdev -cnewer /run/marker ! -path '/var/log/journal*' ! -path '/run/log/*' \
    ! -path '/var/lib/kiosk/data*' ! -path /run ! -path '/run/image-test.*' \
    ! -path '/run/systemd/*' | sort
"""
"""What has changed since the marker, on the disk and in memory, but for what services write."""
STATE: Final = "cat /proc/mounts; cut -d' ' -f1 /proc/modules | sort"
SHORT: Final = r"""
folder=/opt/kiosk/usr/lib/kiosk/kioskd/benchmark
mkdir -p /run/short/none
sed -E 's/^    (scale_s|cpu_s|blend_s|upload_s)(: float = ).*/    \1\20.5/
    s/^    (silent_s: float = ).*/    \1600.0/' $folder/plan.py >/run/short/plan.py
! cmp -s $folder/plan.py /run/short/plan.py
mount --bind /run/short/plan.py $folder/plan.py
# What is compiled there is taken unseen
mount --bind /run/short/none $folder/__pycache__
"""
"""The rounds of a benchmark are short, and its patience is that for an emulated processor."""


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


@pytest.mark.slow("measures for minutes")
def test_a_benchmark_is_kept_told_and_reported(
    kiosk: Kiosk, prepared: Prepared, tmp_path: Path
) -> None:
    shell, folder = kiosk.machine.shell, kiosk.machine.settings.folder
    assert kiosk.health()["figures"]["benchmark"] == "none yet"
    shell(SHORT)
    told = shell("kioskctl bench", BENCH_S)
    (folder / "bench.txt").write_text(told)
    (tmp_path / FILE_NAME).write_text(shell(f"cat /var/lib/kiosk/data/{FILE_NAME}"))
    kept = read_kept(tmp_path)
    assert kept is not None
    assert tuple(kept.parts) == PARTS
    assert {part.status for part in kept.parts.values()} == {"measured"}, told
    drawn = kept.figures("graphics")
    assert (drawn["driver"], drawn["width"], drawn["height"]) == ("kmsdrm", *SCREEN)
    assert drawn["software"], "which is what QEMU has"
    assert kept.version == prepared.version

    kiosk.wait_started()
    kiosk.machine.until("the health port", kiosk.reachable, START_S)
    figure = kiosk.health()["figures"]["benchmark"]
    assert figure.startswith(f"{kept.measured_at}, {drawn['gl_renderer']} at 270x480, boot test")
    assert best_likeness(kiosk, prepared, "after-the-benchmark", LIKE_DB) >= LIKE_DB
    assert kiosk.show("NRestarts") == "1", "it ended once to show the avatar again"

    shell("kioskctl report -o /run/report.json", START_S)
    report = folder / "report.json"
    report.write_text(shell("cat /run/report.json"))
    found = read_report(report)
    assert found["board"] == BOARD
    assert found["probe"]["board_file"] == BOARD
    assert found["checks"]["display"] == {"status": "pass", "codes": []}
    assert found["bench"]["graphics"]["gl_renderer"] == drawn["gl_renderer"]
    assert [each["splats"] for each in found["bench"]["avatars"]["avatars"]] == [
        each["splats"] for each in kept.figures("avatars")["avatars"]
    ]
    for private in (prepared.owner.token, "vendor-board", "boot test"):
        assert private not in json.dumps(found)
