# SPDX-License-Identifier: Apache-2.0
"""The boot test's machines. Collected by `make test-image` only: it takes many minutes.

The image is booted once; then the whole machine is kept, memory and disk, and every test goes
on from that moment in a machine of its own. Pictures, sound and console of each test are left
under out/image-test/results for people to look at.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OUT = os.environ.get("KIOSK_IMAGE_TEST", "")
"""Where the build lies, told by scripts/test_image.py."""

if not OUT:
    collect_ignore_glob = ["test_*.py"]
else:
    from machines import RUNNING, Bench, settings
    from processes import Process

    from firmware.steps import Progress
    from image_test import disk
    from image_test.kiosk import Kiosk
    from image_test.machine import Machine
    from image_test.prepare import Prepared, prepare

    @pytest.fixture(scope="session")
    def progress() -> Progress:
        return Progress()

    @pytest.fixture(scope="session")
    def endpoint() -> Iterator[str]:
        """The embedded endpoint's address on the host, for the whole session."""
        process = Process("driving_client.endpoint", "--port", "0")
        yield process.wait_for(r"listening on (http://\S+)")[1]
        process.kill()

    @pytest.fixture(scope="session")
    def prepared(endpoint: str, progress: Progress) -> Prepared:
        result = prepare(Path(OUT), int(endpoint.rpartition(":")[2]), progress)
        shutil.rmtree(result.results)
        result.results.mkdir()
        return result

    @pytest.fixture(scope="session")
    def first_boot(prepared: Prepared, progress: Progress) -> Path:
        """Boots the board for the first time with its stick; the disk with the snapshot of it."""
        root = disk.overlay(prepared.root, prepared.results / "first-boot.qcow2")
        with (
            progress.step("first boot: from the kernel to the kiosk's first frame"),
            Machine(settings(prepared, root, "first-boot")) as machine,
        ):
            machine.wait_booted()
            kiosk = Kiosk(machine, prepared.owner)
            kiosk.wait_started()
            machine.until("the health port", kiosk.reachable, 120)
            machine.screenshot("first-frames")
            journal = machine.shell("journalctl -b --no-pager -o short-monotonic", 120)
            (prepared.results / "first-boot/journal.txt").write_text(journal)
            machine.save(RUNNING)
            progress.say(f"  QEMU's processor time: {machine.cpu_s:.0f} s")
        return root

    @pytest.fixture
    def bench(prepared: Prepared, request: pytest.FixtureRequest) -> Iterator[Bench]:
        """Starts machines for this test; they end with it."""
        result = Bench(prepared, request.node.name)
        began = time.monotonic()
        yield result
        used = result.close()
        taken = time.monotonic() - began
        print(f" [{taken:.0f} s, QEMU's processor time {used:.0f} s]", end="", file=sys.stderr)

    @pytest.fixture
    def kiosk(first_boot: Path, bench: Bench) -> Kiosk:
        """The kiosk as the first boot has left it: running, the face on the screen."""
        return bench.start(first_boot, RUNNING)
