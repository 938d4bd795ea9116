# SPDX-License-Identifier: Apache-2.0
"""What a board is good for is measured part by part, kept whole, and never a traceback."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_avatar import make_avatar
from made_up_result import made_up_result

from kioskd.benchmark import part_board, part_graphics
from kioskd.benchmark.heat import read_heat
from kioskd.benchmark.plan import Durations, Plan, from_json, plan_for
from kioskd.benchmark.result import Result, ResultError, keep, read
from kioskd.benchmark.run import measure, part_command
from kioskd.benchmark.words import in_short, lines
from kioskd.board_facts import BoardFacts
from kioskd.config import Config
from kioskd.durable_files import DiskFiles
from kioskd.errors import AudioError
from splat_gles.bundle import write_bundle

TINY = Durations(
    round_s=0.001,
    upload_s=0.001,
    blend_s=0.001,
    cpu_s=0.001,
    scale_s=0.001,
    sound_s=0.05,
    soak_s=0.2,
    sample_s=0.05,
    flash_bytes=1 << 16,
)
SIZE = (54, 96)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    avatar = tmp_path / "small.avatar"
    write_bundle(make_avatar(), avatar, source="made up")
    return Plan(
        display="offscreen",
        size=SIZE,
        drm_drivers=(),
        avatars=(str(avatar),),
        sound="null",
        buffer_s=0.1,
        folder=str(tmp_path),
        soak=True,
        durations=TINY,
    )


def silent(_line: str) -> None:
    pass


REAL = ""


def scripted(plan: Plan, alive: Callable[[], None] = lambda: None, **scripts: str) -> Result:
    """A benchmark whose parts are Python scripts, or REAL; those not given measure nothing."""
    nothing = 'print(\'{"status": "absent", "problem": "left out", "figures": {}}\')'

    def command(part: str) -> list[str]:
        script = scripts.get(part, nothing)
        return part_command(part) if script == REAL else [sys.executable, "-c", script]

    return measure(plan, "0.1", "made-up", silent, alive, command)


def test_every_part_is_measured_told_and_kept(plan: Plan, tmp_path: Path) -> None:
    told: list[str] = []
    result = measure(plan, "0.1", "made-up", told.append)
    assert {
        name: (part.status, part.problem) for name, part in result.parts.items()
    } == dict.fromkeys(
        ("graphics", "avatars", "speech", "sound", "flash", "soak"), ("measured", "")
    )
    assert "1 of 6: the graphics processor" in told
    assert any("small" in line or "internal resolution" in line for line in told)
    keep(DiskFiles(), tmp_path, result)
    again = read(tmp_path)
    assert again == result
    words = "\n".join(lines(result))
    assert "a software driver: no figures of a GPU" in words
    assert "holds 25 fps" in in_short(result)
    assert not [path.name for path in tmp_path.glob("*.tmp")], "what was written is gone"
    renderer = result.figures("graphics")["gl_renderer"]
    avatar = result.figures("avatars")["avatars"][0]
    fits = renderer, SIZE, avatar["name"], avatar["splats"]
    assert set(result.frame_seconds(*fits)) == {1.0, 0.85, 0.75, 0.67, 0.5}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param(
            'print(\'{"step": "filling"}\', flush=True); import os; os.kill(os.getpid(), 11)',
            "it was ended by SIGSEGV (filling)",
            id="crashes",
        ),
        pytest.param(
            "import time; time.sleep(600)", "it said nothing for 2 s (at its start)", id="hangs"
        ),
        pytest.param(
            "raise SystemExit('the driver is odd')",
            "it ended with status 1: the driver is odd (at its start)",
            id="ends",
        ),
        pytest.param("pass", "it ended with status 0: without a word (at its start)", id="mute"),
        pytest.param("print('not JSON')", "it answered b'not JSON' (at its start)", id="babbles"),
    ],
)
def test_a_driver_that_fails_costs_its_part_alone(plan: Plan, script: str, told: str) -> None:
    plan = replace(plan, durations=replace(TINY, silent_s=2.0))
    result = scripted(plan, graphics=script)
    assert result.parts["graphics"].status == "failed"
    assert told in result.parts["graphics"].problem
    assert result.parts["avatars"].status == "absent"
    assert result.failed == ("graphics",)
    assert any(told in line for line in lines(result))


def test_the_service_manager_hears_that_a_long_part_lives(plan: Plan) -> None:
    beats: list[int] = []
    scripted(plan, alive=lambda: beats.append(1), graphics="import time; time.sleep(3)")
    assert len(beats) >= 6 + len(plan.parts) - 1


def test_a_part_ends_with_whoever_started_it(plan: Plan) -> None:
    """Also when that was killed: its standard input closes."""
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-m", "kioskd.benchmark", "soak"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    long = replace(plan, durations=replace(TINY, soak_s=600.0))
    process.stdin.write(long.as_json().encode() + b"\n")
    process.stdin.flush()
    assert process.stdout.readline(), "it has begun"
    process.stdin.close()
    assert process.wait(60) == 1
    process.stdout.close()


def test_without_a_screen_the_drawing_parts_say_so(plan: Plan) -> None:
    plan = replace(plan, display="kmsdrm")
    result = scripted(plan, graphics=REAL, avatars=REAL)
    for part in ("graphics", "avatars"):
        assert result.parts[part].status == "failed"
        assert "a screen must be connected" in result.parts[part].problem
    assert result.failed == ("graphics", "avatars")
    assert list(lines(result))
    assert in_short(result)


def test_a_damaged_avatar_is_told_and_the_others_are_measured(plan: Plan, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.avatar"
    damaged.write_bytes(b"no avatar")
    with pytest.raises(part_graphics.PartError, match=r"damaged\.avatar") as raised:
        part_graphics.measure_avatars(replace(plan, avatars=(str(damaged), *plan.avatars)), silent)
    assert len(raised.value.figures["avatars"]) == 1


def test_sound_that_is_switched_off_is_absent_and_no_fault(plan: Plan) -> None:
    with pytest.raises(part_board.AbsentError, match=r"audio\.enabled"):
        part_board.measure_sound(replace(plan, sound=""), silent)


def test_a_board_without_a_sound_card_lacks_nothing_and_a_wrong_name_is_a_fault(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(plan, sound="no-such-device")
    monkeypatch.setattr(part_board, "read_cards", list)
    with pytest.raises(part_board.AbsentError, match="no sound card"):
        part_board.measure_sound(wrong, silent)
    monkeypatch.setattr(part_board, "read_cards", lambda: ["a card"])
    with pytest.raises(AudioError, match="no-such-device"):
        part_board.measure_sound(wrong, silent)


def test_a_full_disk_is_told_before_anything_is_written(plan: Plan, tmp_path: Path) -> None:
    huge = replace(plan, durations=replace(TINY, flash_bytes=1 << 60))
    with pytest.raises(part_graphics.PartError, match="make room"):
        part_board.measure_flash(huge, silent)
    before = sorted(tmp_path.iterdir())
    assert part_board.measure_flash(plan, silent)["bytes_per_s"] > 0
    assert sorted(tmp_path.iterdir()) == before


def test_a_store_that_is_not_there_is_told(plan: Plan, tmp_path: Path) -> None:
    result = scripted(replace(plan, folder=str(tmp_path / "missing")), flash=REAL)
    assert "missing: No such file or directory" in result.parts["flash"].problem
    with pytest.raises(ResultError, match="cannot be written"):
        keep(DiskFiles(), tmp_path / "missing", result)


def test_the_plan_reaches_its_process_as_it_was(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert from_json(plan.as_json()) == plan
    own = plan_for(Config(), BoardFacts(name="made-up"), Path("/data"), soak=False)
    assert own.display == "kmsdrm", "a board's figures are those of its own screen"
    assert from_json(own.as_json()) == own


def test_nothing_measured_yet_is_no_error(tmp_path: Path) -> None:
    assert read(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is damaged"),
        (b"[]", "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b'{"format": 2}', "of another version"),
        (b'{"format": 1}', "lacks measured_at"),
        (b" " * (1 << 20), "larger than"),
    ],
)
def test_a_damaged_result_is_told_with_what_to_do(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "benchmark.json").write_bytes(content)
    with pytest.raises(ResultError, match=told):
        read(tmp_path)


def places(value: Any) -> list[list[Any]]:
    """The ways to every value in a document."""
    if not isinstance(value, dict | list):
        return [[]]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [[], *([key, *way] for key, each in inner for way in places(each))]


RESULT = made_up_result()
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]), st.just({})
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([way for way in places(RESULT) if way]), ODD)
def test_whatever_is_changed_in_a_result_it_is_refused_or_told(
    tmp_path_factory: pytest.TempPathFactory, way: list[Any], odd: Any
) -> None:
    folder = tmp_path_factory.getbasetemp()
    changed = copy.deepcopy(RESULT)
    place: Any = changed
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = odd
    (folder / "benchmark.json").write_text(json.dumps(changed))
    try:
        result = read(folder)
    except ResultError:
        return
    assert result is not None
    assert list(lines(result))
    assert in_short(result)
    result.frame_seconds("Mali-G52", (1080, 1920), "default", 20_000)


def test_the_costs_are_those_of_this_renderer_size_and_avatar_only(tmp_path: Path) -> None:
    (tmp_path / "benchmark.json").write_text(json.dumps(RESULT))
    result = read(tmp_path)
    assert result is not None
    fits = ("Mali-G52", (1080, 1920), "default", 20_000)
    assert result.frame_seconds(*fits) == {1.0: 0.040, 0.5: 0.015}
    assert result.frame_seconds("Mali-G57", *fits[1:]) == {}
    assert result.frame_seconds("Mali-G52", (1920, 1080), *fits[2:]) == {}
    assert result.frame_seconds(*fits[:2], "another", 20_000) == {}
    assert result.frame_seconds(*fits[:3], 60_000) == {}, "the same person, more splats"


def test_a_clock_that_the_kernel_holds_down_is_seen_and_a_fan_is_not(tmp_path: Path) -> None:
    def device(number: int, kind: str, state: str) -> None:
        folder = tmp_path / f"class/thermal/cooling_device{number}"
        folder.mkdir(parents=True)
        (folder / "type").write_text(f"{kind}\n")
        (folder / "cur_state").write_text(f"{state}\n")

    assert read_heat(tmp_path).celsius is None
    device(0, "cpufreq-cpu0", "3")
    device(1, "pwm-fan", "2")
    device(2, "devfreq-27800000.gpu", "0")
    device(3, "devfreq-broken", "odd")
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir()
    (zone / "temp").write_text("85500\n")
    heat = read_heat(tmp_path)
    assert (heat.celsius, heat.limited) == (85.5, {"cpufreq-cpu0"})
