# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles bench`, run as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from splat_gles.avatar import Avatar
from splat_gles.bundle import write_bundle
from splat_gles.rig import Rig


@pytest.fixture(scope="module")
def bundle(small_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "small.avatar"
    write_bundle(small_avatar, path, source="made up")
    return path


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "splat_gles", "bench", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_one_json_object_holds_every_figure(bundle: Path, small_avatar: Avatar) -> None:
    done = bench(
        bundle, "--clip", "idle", "--camera", "lam", "--size", "135x240", "--frames", "9", "--json"
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["splats"], figures["width"], figures["height"]) == (200, 135, 240)
    assert (figures["camera"], figures["clip"], figures["frames"]) == ("lam", "idle", 9)
    parts = figures["python_ms_per_frame"] + figures["upload_ms"] + figures["draw_ms"]
    assert figures["cpu_ms_per_frame"] == pytest.approx(parts, abs=0.02)
    for stage in ("pose_ms", "sort_ms"):
        assert 0 < figures[stage] < figures["python_ms_per_frame"]
    assert figures["upload_ms"] > 0
    assert 4 * 190 < figures["upload_bytes"] <= 4 * 200 + 4096
    assert 5 <= figures["gl_calls"] <= 30
    assert 1000 < figures["fragments"] < 200 * 135 * 240
    assert 0 < figures["frame_ms_p50"] <= figures["frame_ms_p99"]
    assert figures["psnr_db"] > 40
    assert 0.05 < figures["load_cpu_s"] < 5
    assert 30 < figures["rss_mb"] < 400


def test_people_get_a_table_and_a_made_up_talk(bundle: Path) -> None:
    done = bench(bundle, "--size", "90x160", "--frames", "2")
    assert done.returncode == 0, done.stderr
    for text in ("Zoë: 200 splats, 90x160, camera bust, made-up talk", "GL calls", "M fragments"):
        assert text in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["--clip", "dance"], "no clip 'dance'", id="unknown clip"),
        pytest.param(["--clip", "none.json"], "none.json: cannot be read", id="no such file"),
        pytest.param(["--size", "big"], "write it like 540x960", id="no size"),
        pytest.param(["--size", "8x8"], "16 to 8192", id="size too small"),
        pytest.param(["--frames", "0"], "from 1 to", id="no frames"),
        pytest.param(["--frames", "many"], "from 1 to", id="frames in words"),
        pytest.param(["--camera", "side"], "invalid choice", id="unknown camera"),
    ],
)
def test_bad_input_is_told_in_a_line(bundle: Path, arguments: list[str], complaint: str) -> None:
    done = bench(bundle, *arguments)
    assert done.returncode != 0
    assert done.stderr.startswith("error: ")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_no_bundle_at_all(tmp_path: Path) -> None:
    done = bench(tmp_path / "none.avatar")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


def test_measuring_leaves_the_renderer_as_it_was(bundle: Path) -> None:
    """The stages' stopwatches are gone afterwards."""
    from splat_gles.bench import measure
    from splat_gles.renderer import Renderer

    before = Rig.pose, Renderer.prepare
    measure(bundle, view="bust", size=(90, 160), frames=1, clip=None)
    assert (Rig.pose, Renderer.prepare) == before
