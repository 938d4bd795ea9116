# SPDX-License-Identifier: Apache-2.0
"""Sets for `make bench` cost what their number of splats should, and `make bench` prints them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bench
from bench_sets import with_splats
from splat_gles import camera
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.fragments import count_fragments, project_avatar
from splat_gles.rig import Rig

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def avatar(root: Path) -> Avatar:
    return read_bundle(root / "config/avatars/default-20k.avatar")


def fragments(avatar: Avatar) -> float:
    rig = Rig(avatar)
    view = camera.bust(avatar.framing, (1080, 1920))
    return count_fragments(project_avatar(avatar, rig.pose(rig.neutral()), view), view)


@pytest.mark.parametrize("count", [5_000, 20_000, 90_000])
def test_any_number_of_splats_covers_the_same_area(avatar: Avatar, count: int) -> None:
    made = with_splats(avatar, count)
    assert made.splats == count
    # The low-pass widens small splats a little, which is why it is not exactly so
    assert fragments(made) == pytest.approx(fragments(avatar), rel=0.2)
    spread = np.ptp(made.positions, axis=0)
    assert spread == pytest.approx(np.ptp(avatar.positions, axis=0), rel=0.1)


def test_copies_keep_what_moves_them(avatar: Avatar) -> None:
    made = with_splats(avatar, avatar.splats * 2)
    assert made.deltas.shape[1] == avatar.deltas.shape[1] * 2
    assert np.array_equal(made.deltas[:, ::2], avatar.deltas)
    assert np.array_equal(made.skin_joints[1::2], avatar.skin_joints)


def test_the_bench_prints_a_line_a_figure_and_a_table(
    root: Path, tmp_path: Path, capfd, monkeypatch
) -> None:
    """With two small sets and pictures instead of the real ones, which take minutes."""
    monkeypatch.setenv("KIOSK_SHARED_DATA", str(tmp_path))
    monkeypatch.setattr(bench, "SETS", (1000, 3000))
    monkeypatch.setattr(bench, "SIZES", ("90x160", "135x240"))
    assert bench.main(["--frames", "1"]) == 0
    told = capfd.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert len(lines) == 4 * len(bench.COLUMNS)
    assert {line["figure"] for line in lines} == {key for key, _, _ in bench.COLUMNS}
    splats = {(line["set"], line["splats"]) for line in lines}
    assert splats == {("1k", 1000), ("3k", 3000)}
    cost = [line["value"] for line in lines if line["figure"] == "cpu_ms_per_frame"]
    assert min(cost) > 0
    assert "no LAM avatar measured" in told.err
    steps = [line.strip() for line in told.err.splitlines()]
    assert steps[0] == "making 1,000 splats of default.avatar's 60,000"
    begun = steps.index("[2/4] 1k, 135x240")
    assert steps[begun + 1] == "drawing 1 frames", "each step is told as it begins"
    assert "comparing a frame with the float64 reference" in steps[begun : begun + 5]
    assert [line.split()[:2] for line in told.err.splitlines()[-4:]] == [
        ["1k", "90x160"],
        ["1k", "135x240"],
        ["3k", "90x160"],
        ["3k", "135x240"],
    ]


def test_a_failed_measurement_fails_the_bench(tmp_path: Path, capsys) -> None:
    (tmp_path / "bad.avatar").write_bytes(b"no avatar")
    assert bench.main(["--avatar", str(tmp_path / "bad.avatar")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
