# SPDX-License-Identifier: Apache-2.0
"""Avatars for the tests of splat_gles: a small made-up one, and real ones where they lie."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_avatar import make_avatar

from splat_gles.avatar import Avatar
from splat_gles.bake import bake
from splat_gles.bundle import write_bundle
from splat_gles.importers.lam import import_lam


@pytest.fixture(scope="session")
def small_avatar() -> Avatar:
    return make_avatar()


@pytest.fixture(scope="session")
def lam_avatar(shared_data: Path) -> Callable[[str], Avatar]:
    """Imports a LAM avatar of the shared data by its name, once."""
    imported: dict[str, Avatar] = {}

    def get(name: str) -> Avatar:
        if name not in imported:
            path = shared_data / "avatars" / f"lam-{name}.zip"
            imported[name] = import_lam(path, name=name, licence="MIT", progress=lambda _: None)
        return imported[name]

    return get


@pytest.fixture(scope="session")
def baked_lam(lam_avatar: Callable[[str], Avatar]) -> Callable[[str], Avatar]:
    """A LAM avatar as the importer leaves it behind, by its name."""
    return functools.cache(lambda name: bake(lam_avatar(name), progress=lambda *_: None))


@pytest.fixture(scope="session")
def lam_bundle(
    lam_avatar: Callable[[str], Avatar], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Path of a LAM avatar's bundle, with all of its splats."""
    folder = tmp_path_factory.mktemp("bundles")

    def get(name: str) -> Path:
        path = folder / f"{name}.avatar"
        if not path.exists():
            write_bundle(lam_avatar(name), path, source="shared data")
        return path

    return get
