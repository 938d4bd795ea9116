# SPDX-License-Identifier: Apache-2.0
"""kioskctl report: what a board tells to strangers, and what nothing on it gets told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ready_settings import ready_audio
from reported_board import (
    ALL,
    PROBED,
    SECRETS,
    board_tree,
    health,
    kept_benchmark,
    put,
)

from kioskd.audio.cards import SoundCard
from kioskd.report import bench, facts, graphics, probe
from kioskd.report.form import CHECKS, JUDGED, REPORT, schema
from kioskd.report.making import checks_of, let_out
from kioskd.report.own_words import own_words
from kioskd.report.page import page

CARDS = [
    SoundCard("rockchiphdmi0", ("rockchiphdmi0", "simple-card", f"rockchip,hdmi {ALL}", "/sys"), 0),
    SoundCard("Annemarie", ("Annemarie", "USB-Audio", ALL, f"/sys/usb1/{ALL}"), 0),
]

MICROPHONES = [replace(CARDS[1], records=True)]


def silent(_why: str) -> None:
    """Where what is missing does not matter."""


def found(tmp_path: Path, more: str = "", model: str = "Radxa ROCK 4D") -> dict[str, Any]:
    """All that the parts find on the made-up board."""
    root = board_tree(tmp_path / "board", model, more)
    return {
        "format": 1,
        "date": "2027-01-31",
        "version": "0.1.0+abc123",
        "board": "rk3576",
        "machine": facts.machine(root, "aarch64"),
        "system": facts.system(root, f"6.1.75-rkr3-{more.replace(' ', '-')}"),
        "probe": probe.read(PROBED),
        "kioskd": True,
        "checks": checks_of(health(more)),
        "cards": facts.screens(root),
        "gl": {
            "renderer": "Mali-G52 r1 MC3",
            "version": "OpenGL ES 3.2",
            "limits": {"MAX_TEXTURE_SIZE": 8192, more: 1},
            "extensions": ["GL_EXT_color_buffer_float", more],
            "vendor": more,
        },
        "sound": facts.sound(ready_audio(), CARDS, MICROPHONES),
        "npu": facts.npu(root),
        "watchdog": facts.watchdog(root),
        "bench": bench.read(kept_benchmark(tmp_path / "data", more), silent),
        more: more,
    }


def report_of(tmp_path: Path, more: str = "", model: str = "Radxa ROCK 4D") -> dict[str, Any]:
    """The report of the made-up board."""
    told = found(tmp_path, more, model)
    return let_out(told, own_words(tmp_path / "board", SECRETS["host"]))


def problems(value: object) -> list[str]:
    """What the form says against a report."""
    lines: list[str] = []
    REPORT.fit(value, "", lines.append)
    return lines


def against(value: Any, rule: dict[str, Any], where: str = "") -> Iterator[str]:
    """What a JSON schema says against a value; of schemas as much as ours use."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    kind = rule["type"]
    if kind in kinds:
        if not isinstance(value, kinds[kind]):
            yield f"{where} is no {kind}"
            return
    elif isinstance(value, bool) or not isinstance(
        value, int if kind == "integer" else int | float
    ):
        yield f"{where} is no {kind}"
    elif not rule["minimum"] <= value <= rule["maximum"]:
        yield f"{where} is out of bounds"
    if kind == "object":
        assert rule["additionalProperties"] is False
        yield from (f"{where}.{name} is unknown" for name in value.keys() - rule["properties"])
        yield from (f"{where}.{name} is missing" for name in set(rule["required"]) - value.keys())
        for name in value.keys() & rule["properties"]:
            yield from against(value[name], rule["properties"][name], f"{where}.{name}")
    elif kind == "array":
        if len(value) > rule["maxItems"]:
            yield f"{where} is too long"
        for number, each in enumerate(value):
            yield from against(each, rule["items"], f"{where}[{number}]")
    elif kind == "string":
        if value not in rule.get("enum", [value]):
            yield f"{where} is none of the words"
        if not re.search(rule.get("pattern", ""), value, re.ASCII):
            yield f"{where} is not of the form"


def test_secrets_planted_in_every_source_come_through_in_none(tmp_path: Path) -> None:
    told = report_of(tmp_path, more=ALL)
    shown = json.dumps(told) + page(told)
    for name, secret in SECRETS.items():
        assert secret.lower() not in shown.lower(), f"the {name} is told"
        for word in re.findall(r"\w{5,}", secret):
            assert word.lower() not in shown.lower(), f"a part of the {name} is told: {word}"
    assert told["bench"]["soak"]["seconds"] == 600.0, "the benchmark was not looked at"
    assert told["checks"] == {"audio": {"status": "warn", "codes": ["audio_muted"]}}


@pytest.mark.parametrize(
    "secret", ["serial", "bare MAC", "host", "user", "person"], ids=lambda name: name
)
def test_a_model_that_a_vendor_wrote_a_secret_into_is_left_out(tmp_path: Path, secret: str) -> None:
    # A user called as the vendor calls the board, "radxa", is no secret
    assert report_of(tmp_path / "plain")["machine"]["model"] == "Radxa ROCK 4D"
    told = report_of(tmp_path / "named", model=f"Radxa ROCK 4D {SECRETS[secret]}")
    assert "model" not in told["machine"]
    assert told["machine"]["compatible"] == ["radxa,rock-4d", "rockchip,rk3576"]


def test_the_facts_of_a_board_are_told(tmp_path: Path) -> None:
    told = report_of(tmp_path)
    assert not problems(told)
    assert told["machine"]["memory_mib"] == 7933
    assert told["system"]["kernel"] == "6.1.75"
    assert told["system"]["kernel_words"] == ["rkr"]
    assert told["cards"] == [
        {
            "driver": "rockchip-drm",
            "outlets": [
                {
                    "name": "HDMI-A-1",
                    "status": "connected",
                    "modes": ["1920x1080", "1280x720"],
                    "width_cm": 60,
                    "height_cm": 34,
                }
            ],
        }
    ]
    assert told["npu"] == {"device": True, "library": True, "driver": "0.9.8"}
    assert told["watchdog"] == {"there": True, "timeout_s": 44}
    assert told["probe"]["verdicts"]["clock"] == "limits"
    assert told["probe"]["gl"] == ["mali"]
    assert [each["name"] for each in told["bench"]["avatars"]["avatars"]] == ["other", "default"]
    assert told["bench"]["soak"]["hottest_celsius"] == 61.0
    assert told["sound"]["cards"] == [["hdmi", "rockchip", "simple"], ["usb"]]
    assert told["sound"]["microphones"] == [["usb"]]


def test_the_page_says_what_a_person_looks_for(tmp_path: Path) -> None:
    shown = page(report_of(tmp_path))
    for words in (
        "Radxa ROCK 4D",
        "debian 12, Linux 6.1.75 rkr",
        "HDMI-A-1 1920x1080",
        "microphone  usb",
        "driver 0.9.8, 5.1 ms (CPU 9.8)",
        "31 frames a second at 1920x1080, 60000 splats",
        "warn  audio: audio_muted",
        "limits  clock",
    ):
        assert words in shown


def test_a_clock_that_was_never_set_tells_no_date(tmp_path: Path) -> None:
    told = let_out(found(tmp_path) | {"date": "2000-01-01"}, frozenset())
    assert "date" not in told
    assert not problems(told)
    assert "the clock was not set" in page(told)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"parts": 1}', "[" * 5000, '{"format": 1}'])
def test_a_damaged_benchmark_is_told_and_left_out(tmp_path: Path, content: str) -> None:
    put(tmp_path, "benchmark.json", content)
    notes: list[str] = []
    assert bench.read(tmp_path, notes.append) == {}
    assert "again with `kioskctl bench`" in notes[0]


LEFT_OUT = {
    "problem",
    "figures",
    "gl_vendor",
    "gl_version",
    "device",
    "samples",
    "limited",
    "avatar",
}
"""Words, and what a benchmark's samples hold second by second."""


def named(rule: dict[str, Any]) -> Iterator[str]:
    """The names of all fields of a JSON schema."""
    for each in rule.get("anyOf", []):
        yield from named(each)
    for name, each in rule.get("properties", {}).items():
        yield name
        if name not in LEFT_OUT - {"figures"}:
            yield from named(each)
    if "items" in rule:
        yield from named(rule["items"])


def test_whatever_a_benchmark_measures_has_a_place_or_was_left_out_on_purpose(root: Path) -> None:
    kept = json.loads((root / "kioskd/benchmark/result.schema.json").read_text())
    places = schema()["properties"]["bench"]["properties"]
    for part, rule in kept["properties"]["parts"]["properties"].items():
        missing = set(named(rule)) - set(named(places[part])) - LEFT_OUT
        assert missing <= ({"npu"} if part == "speech" else set()), part


def test_a_probe_that_is_missing_or_says_nothing_is_told(tmp_path: Path) -> None:
    notes: list[str] = []
    assert probe.ask(notes.append, tmp_path / "probe.sh") == {}
    put(tmp_path, "silent.sh", "exit 3")
    assert probe.ask(notes.append, tmp_path / "silent.sh") == {}
    assert "is not there" in notes[0]
    assert "exit status 3" in notes[1]


def test_a_driver_that_crashes_costs_its_own_process_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = tmp_path / "python"
    crash.write_text("#!/bin/sh\necho 'driver: no GBM' >&2\nkill -SEGV $$\n")
    crash.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crash))
    notes: list[str] = []
    assert graphics.ask(notes.append) == {}
    assert "no GBM" in notes[0]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(st.data())
def test_whatever_is_found_only_the_form_comes_out(data: st.DataObject) -> None:
    names = sorted(schema()["properties"])
    told = {"format": 1, "version": "0.1.0", "board": "rk3576"}
    noise = data.draw(st.dictionaries(st.sampled_from(names), JSON_VALUES, max_size=5))
    let = let_out(noise | told, frozenset())
    assert not list(against(let, schema()))
    assert not problems(let)
    page(let)


def test_the_schema_in_the_repository_is_that_of_the_form(root: Path) -> None:
    kept = json.loads((root / "board/report.schema.json").read_text())
    again = "make it again: scripts/verify_report.py --schema >board/report.schema.json"
    assert kept == schema(), again


def test_every_check_but_those_that_tell_of_an_endpoint_has_a_place(root: Path) -> None:
    named = re.compile(r'name: ClassVar\[str\] = "([^"]+)"')
    names = {
        name for path in (root / "kioskd").rglob("*.py") for name in named.findall(path.read_text())
    }
    assert names - {"link", "motion"} == set(CHECKS)


def test_all_that_the_probe_judges_by_name_has_a_place() -> None:
    script = probe.SCRIPT.read_text()
    judged = re.findall(r"\bsay (?:go|limits|no-go) ([a-z][a-z-]+) ", script)
    judged += re.findall(r"\bneeds ([a-z][a-z0-9-]+) [A-Z]", script)
    assert len(judged) > 20
    assert set(judged) <= set(JUDGED)


def test_this_machine_s_report_is_of_the_schema(root: Path) -> None:
    command = [sys.executable, "-m", "kioskd.ctl", "report"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    told = json.loads(done.stdout)
    assert not list(against(told, schema()))
    assert told["gl"]["limits"]["MAX_TEXTURE_SIZE"] >= 2048
    assert "kioskctl bench" in done.stderr
    shown = subprocess.run(
        [*command, "--text"], capture_output=True, text=True, cwd=root, check=True
    )
    assert told["gl"]["renderer"] in shown.stdout


def test_a_file_that_cannot_be_written_is_told(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kioskd.ctl", "report", "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 2
    assert f"error: {tmp_path} cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
