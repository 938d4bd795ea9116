# SPDX-License-Identifier: Apache-2.0
"""Fixtures: avatars and recordings in the real formats, made up, and real where they lie."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from made_up.lam_head import write_lam_head
from made_up.recordings import write_recordings
from splat_gles.avatar import Avatar
from splat_gles.bake import bake
from splat_gles.bundle import write_bundle
from splat_gles.importers.lam import import_lam

ROOT = Path(__file__).resolve().parents[2]
MADE_UP = "made-up"

SHARED = Path(os.environ.get("KIOSK_SHARED_DATA", ROOT.parent / "shared" / "data"))
"""Where real avatars and recordings of others may lie; they are no part of the project."""

FIELD = SHARED / "field"
"""Small inputs that users really sent. Each kind is made by the tests as well."""

LAM_NAMES = (MADE_UP, *(path.stem for path in sorted((SHARED / "avatars").glob("lam-*.zip"))))
"""What tests of LAM avatars are run on."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of FIELD's files are left out where they do not lie: made-up ones say the same."""
    left_out = [item for item in items if item.get_closest_marker("field")]
    if left_out and not FIELD.is_dir():
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> str:
    """Whether the tests run on real files too."""
    where = f"also the real ones in {SHARED}" if SHARED.is_dir() else f"none real, no {SHARED}"
    return f"avatars, recordings and voices: made up, {where} (KIOSK_SHARED_DATA)"


@dataclass(frozen=True)
class Clips:
    """Recordings of one origin.

    `long`: 20.3 s and 507 keyframes as messages, motion 120 ms ahead; `controls`: its mouth;
    `short`: 92 keyframes of another face, spelled out, aligned; `arkit`: weights at 30 a second.
    """

    long: Path
    controls: Path
    short: Path
    arkit: Path
    real: bool


@pytest.fixture(scope="session")
def made_up_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up recordings and, when first asked for, the avatar."""
    folder = tmp_path_factory.mktemp("made-up")
    write_recordings(folder)
    return folder


REAL_CLIPS = Clips(
    SHARED / "clips/driveningress_16k.json",
    SHARED / "clips/driveningress_16k_controls.json",
    SHARED / "clips/flame_keyframes_92.json",
    SHARED / "clips/arkit52_30fps.json",
    True,
)


@pytest.fixture(params=[MADE_UP, *(["real"] if REAL_CLIPS.long.is_file() else [])])
def clips(request: pytest.FixtureRequest, made_up_folder: Path) -> Clips:
    """Recordings: the made-up ones, and then the real ones where they lie."""
    if request.param == "real":
        return REAL_CLIPS
    names = ("long.json", "long_controls.json", "short.json", "arkit.json")
    return Clips(*(made_up_folder / name for name in names), False)


@pytest.fixture(scope="session")
def lam_zip(made_up_folder: Path) -> Callable[[str], Path]:
    """The archive of a LAM avatar by its name in LAM_NAMES."""

    def get(name: str) -> Path:
        if name != MADE_UP:
            return SHARED / "avatars" / f"{name}.zip"
        path = made_up_folder / "lam.zip"
        if not path.exists():
            clip = json.loads((made_up_folder / "arkit.json").read_text())
            recording = {"names": clip["names"], "frames": clip["frames"][:240]}
            bundle = ROOT / "config/avatars/default-20k.avatar"
            write_lam_head(bundle, path, json.dumps(recording).encode())
        return path

    return get


@pytest.fixture(scope="session")
def lam_avatar(lam_zip: Callable[[str], Path]) -> Callable[[str], Avatar]:
    """A LAM avatar with all of its splats, by its name."""

    @functools.cache
    def get(name: str) -> Avatar:
        return import_lam(lam_zip(name), name=name, licence="a test", progress=lambda _: None)

    return get


@pytest.fixture(scope="session")
def baked_lam(lam_avatar: Callable[[str], Avatar]) -> Callable[[str], Avatar]:
    """The avatar as the importer leaves it behind."""
    return functools.cache(lambda name: bake(lam_avatar(name), progress=lambda *_: None))


@pytest.fixture(scope="session")
def lam_bundle(
    lam_avatar: Callable[[str], Avatar], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The bundle of a LAM avatar with all of its splats, by its name."""
    return _bundles(lam_avatar, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def baked_bundle(
    baked_lam: Callable[[str], Avatar], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The bundle of a LAM avatar as the importer leaves it behind, by its name."""
    return _bundles(baked_lam, tmp_path_factory.mktemp("baked"))


def _bundles(avatar: Callable[[str], Avatar], folder: Path) -> Callable[[str], Path]:
    """Writes an avatar's bundle into the folder when it is first asked for by its name."""

    @functools.cache
    def get(name: str) -> Path:
        path = folder / f"{name}.avatar"
        write_bundle(avatar(name), path, source="a test")
        return path

    return get
