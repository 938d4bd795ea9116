# SPDX-License-Identifier: Apache-2.0
"""Shared by all tests: where the real recordings lie, and an environment without a screen."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["SDL_VIDEODRIVER"] = "offscreen"
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pytest
from hypothesis import settings

# A run of continuous integration repeats itself; at a desk every run tries new examples
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

pytest_plugins = ["sound_server"]

ROOT = Path(__file__).resolve().parent.parent
# Processes that tests start import this checkout, whichever one the environment was made for
os.environ["PYTHONPATH"] = os.pathsep.join(
    (str(ROOT), str(ROOT / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")]))
)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real avatars and recordings made by others; they are no part of the project."""
    folder = Path(os.environ.get("KIOSK_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "avatars").is_dir():
        pytest.skip(
            f"no shared data at {folder}; set KIOSK_SHARED_DATA to run the tests on recordings"
        )
    return folder
