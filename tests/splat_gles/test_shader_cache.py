# SPDX-License-Identifier: Apache-2.0
"""Mesa's cache of shaders on a full disk: no SIGBUS, whether it is full before or gets so later."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from splat_gles.shader_cache import secure_shader_cache

SWITCHED_OFF = {"MESA_SHADER_CACHE_DISABLE": "true", "MESA_GLSL_CACHE_DISABLE": "true"}
DRAW = """
import logging, os, pathlib, sys
disk, when = pathlib.Path(sys.argv[1]), sys.argv[2]
os.environ |= {"XDG_CACHE_HOME": str(disk), "SDL_VIDEODRIVER": "offscreen"}
from made_up_avatar import make_avatar
from splat_gles import display, offscreen, shader_cache

class Told(logging.Handler):
    def emit(self, record):
        print(record.code)

def fill():
    with open(disk / "fill", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass

logging.getLogger().addHandler(Told())
if when == "after":
    shader_cache.secure_shader_cache(os.environ)
    display.secure_shader_cache = lambda environment: None
fill()
with offscreen.offscreen_renderer(make_avatar(), (32, 32)) as renderer:
    print("drawn on", os.statvfs(disk).f_bavail, "blocks")
"""


def test_the_index_has_all_its_blocks(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    secure_shader_cache(environment)
    assert environment == {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    index = tmp_path / ".cache/mesa_shader_cache/index"
    assert index.stat().st_blocks * 512 >= index.stat().st_size == 1_310_728
    index.write_bytes(b"kept" + index.read_bytes()[4:])
    secure_shader_cache(environment)
    assert index.read_bytes()[:4] == b"kept"


@pytest.mark.parametrize("name", ["MESA_SHADER_CACHE_DIR", "MESA_GLSL_CACHE_DIR", "XDG_CACHE_HOME"])
def test_whoever_names_a_folder_has_it_there(tmp_path: Path, name: str) -> None:
    environment = {name: str(tmp_path)}
    secure_shader_cache(environment)
    assert (tmp_path / "mesa_shader_cache/index").exists()
    assert environment == {name: str(tmp_path)}


@pytest.mark.parametrize("obstacle", ["no home", "file", "FIFO", "link", "NUL"])
def test_where_there_can_be_none_it_is_switched_off_and_told(
    tmp_path: Path, obstacle: str, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    if obstacle == "no home":
        environment = {}
    elif obstacle == "NUL":
        environment = {"XDG_CACHE_HOME": "a\0b"}
    elif obstacle == "file":
        (tmp_path / "mesa_shader_cache").write_text("")
    else:
        (tmp_path / "mesa_shader_cache").mkdir()
        index = tmp_path / "mesa_shader_cache/index"
        if obstacle == "FIFO":
            os.mkfifo(index)
        else:
            index.symlink_to("/etc/passwd")
    with caplog.at_level(logging.WARNING):
        secure_shader_cache(environment)
    assert environment.items() >= SWITCHED_OFF.items()
    assert [record.code for record in caplog.records] == ["shader_cache_off"]  # type: ignore[attr-defined]


def test_a_cache_that_is_off_stays_off(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path), "MESA_SHADER_CACHE_DISABLE": "1"}
    secure_shader_cache(environment)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_full_disk_ends_nothing(tmp_path: Path, root: Path, when: str) -> None:
    """The kernel's SIGBUS for a hole that no block is left for ended the process before."""
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=8m t "$0" && exec "$@"', tmp_path]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system here")
    done = subprocess.run(
        [*mount, sys.executable, "-c", DRAW, tmp_path, when],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "drawn on 0 blocks" in done.stdout
    assert ("shader_cache_off" in done.stdout) is (when == "before")
