#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make test-image`: boots the image of the board qemu-virt in QEMU and tries it.

First what the tests need is made below out/image-test (about a minute; kept while its inputs
stay the same), then tests/image runs, each test in a machine of its own. Pictures of the
screen, recorded sound and consoles are left in out/image-test/results. Continuous integration has
no time for every power cut; a run with --all has them, and its result is a page in tests/results.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")

from firmware.steps import Progress, exit_status
from image_test.prepare import prepare
from kioskd.errors import KioskError
from splat_gles.errors import SplatError
from test_result import write_result

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = (
    "qemu-system-aarch64", "qemu-img", "mmdebstrap", "fakeroot", "mke2fs", "mkfs.vfat", "mcopy",
    "e2fsck", "debugfs", "depmod", "modprobe", "unsquashfs", "mksquashfs", "openssl",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Prepare and run the tests; pytest's exit status, 1 where preparing failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tests", nargs="*", help="after `--`: words for pytest, such as -k speaks")
    parser.add_argument(
        "--all", action="store_true", help="also what continuous integration has no time for"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "out", help="where the build lies (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    if missing:
        print(
            f"error: missing: {', '.join(missing)}; install them with "
            "`scripts/install_packages.sh image-test` and `scripts/install_packages.sh image`",
            file=sys.stderr,
        )
        return 1
    return exit_status(lambda: _run(options), KioskError, SplatError)


def _run(options: argparse.Namespace) -> int:
    began, progress = time.monotonic(), Progress()
    junit = options.out.resolve() / "image-test/junit.xml"
    command = [sys.executable, "-m", "pytest", "-v", "-s", f"--junit-xml={junit}", "tests/image"]
    command += [*([] if options.all else ["-m", "not slow"]), *options.tests]
    environment = os.environ | {"KIOSK_IMAGE_TEST": str(options.out.resolve())}
    prepare(options.out, 8090, progress)
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if options.all and not options.tests:
        progress.say(f"wrote {keep_result(junit, status == 0, time.monotonic() - began)}")
    progress.say(
        f"{(time.monotonic() - began) / 60:.1f} minutes; see {options.out}/image-test/results"
    )
    return status


def keep_result(junit: Path, passed: bool, seconds: float) -> Path:
    """Write tests/results/test-image.md from pytest's report; returns it."""
    cases = list(ElementTree.parse(junit).getroot().iter("testcase"))
    bad = [case for case in cases if any(case.iter("failure")) or any(case.iter("error"))]
    cuts = [case for case in cases if "cut" in case.get("name", "")]
    figures = {
        "tests": len(cases),
        "of them power cuts": len(cuts),
        "failed": ", ".join(case.get("name", "") for case in bad) or "none",
        **{
            case.get("name", ""): f"{float(case.get('time', 0)):.0f} s"
            for case in sorted(cases, key=lambda each: -float(each.get("time", 0)))[:10]
        },
    }
    about = "The arm64 image in QEMU, with ALL=1: every test and every power cut; the ten slowest."
    return write_result("test-image", about, passed=passed, seconds=seconds, figures=figures)


if __name__ == "__main__":
    sys.exit(main())
