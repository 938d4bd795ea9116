# SPDX-License-Identifier: Apache-2.0
"""Two images with one configuration: neither stops over what the other one has accepted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from first_boot_board import boot, make_stick, token
from kiosk_process import ROOT
from three_ways import Verdict, check, three_ways

from kioskd.config import accepted, load, reading
from kioskd.config.accepted import FILE_NAME, NOTHING, keep_accepted, read_accepted
from kioskd.config.table import OPTIONS, SECTIONS
from kioskd.config.versions import READ_FOR, RENAMED, VERSION, Renamed
from kioskd.ctl.local import own_address
from kioskd.doctor.store_checks import ConfigFileCheck
from kioskd.durable_files import DiskFiles
from kioskd.health.status import Status
from kioskd.update.store import Store

NEWER = VERSION + 1
LATER = "idle: {breath: 0.5}\nvoice: {enabled: false}\n"
"""What the older image below does not know: a key, and a section."""


@contextmanager
def image(version: int, **bounds: tuple[float, float]) -> Iterator[None]:
    """An image of some version, with other bounds of `section__key`; the newest has all keys."""
    with (
        mock.patch.object(accepted, "VERSION", version),
        mock.patch.object(reading, "VERSION", version),
        mock.patch.dict(OPTIONS),
        mock.patch.dict(SECTIONS),
    ):
        if version < NEWER:
            del OPTIONS["idle.breath"], OPTIONS["voice.enabled"], SECTIONS["voice"]
        for name, (minimum, maximum) in bounds.items():
            key = name.replace("__", ".")
            rule = replace(OPTIONS[key].rule, minimum=minimum, maximum=maximum)
            OPTIONS[key] = replace(OPTIONS[key], rule=rule)
        yield


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kiosk.yaml"


def said(path: Path, key: str, line: int) -> str:
    return (
        f"{path}:{line}: {key}: not known to this image (configuration version {VERSION}); one "
        f"with version {NEWER} accepted it, so it is passed over"
    )


def test_an_older_image_goes_on_where_a_newer_one_has_been(path: Path, state: Path) -> None:
    path.write_text(LATER + "audio: {volume: 0.5}\n")
    with image(NEWER):
        assert three_ways(path, state) == Verdict(True, ())
    expected = Verdict(True, (said(path, "idle.breath", 1), said(path, "voice.enabled", 2)))
    with image(VERSION):
        assert three_ways(path, state) == expected
        assert three_ways(path, state) == expected, "also after its own start"
        assert load(path, accepted=read_accepted(state)).config.audio.volume == 0.5
    with image(NEWER):
        assert three_ways(path, state) == Verdict(True, ()), "the update is tried again"


def test_an_empty_section_of_a_newer_image_is_no_mistake_either(path: Path, state: Path) -> None:
    path.write_text("voice:\n  # enabled: true\n")
    with image(NEWER):
        assert three_ways(path, state).taken
    with image(VERSION):
        assert three_ways(path, state).taken


@pytest.mark.parametrize("text", ["idle: {breth: 1}\n", "idle: {breath: 1}\n", "voice: {}\n"])
def test_what_no_image_has_accepted_is_a_mistake(path: Path, state: Path, text: str) -> None:
    """Also what only a newer image knows: it has never been tried."""
    path.write_text("audio: {volume: 0.5}\n")
    with image(NEWER):
        assert three_ways(path, state).taken
    path.write_text(text)
    with image(VERSION):
        told = three_ways(path, state)
    assert not told.taken
    assert "unknown" in told.lines[0]
    with image(NEWER):
        if "breth" in text:
            assert three_ways(path, state).lines == (
                f"{path}:1: idle.breth: unknown key; did you mean idle.breath?",
            )


def test_what_was_removed_and_written_anew_is_a_mistake(path: Path, state: Path) -> None:
    path.write_text(LATER)
    with image(NEWER):
        three_ways(path, state)
    with image(VERSION):
        path.write_text("")
        assert three_ways(path, state).taken
        path.write_text(LATER)
        assert not three_ways(path, state).taken


def test_a_check_alone_remembers_nothing(path: Path, state: Path) -> None:
    path.write_text(LATER)
    with image(NEWER):
        assert check(path, state).taken
    assert not (state / FILE_NAME).exists()


@pytest.mark.parametrize(
    ("written", "bounds", "used"),
    [("140", (100, 120), 120), ("140", (150, 200), 150), ("100.0", (110, 120), 110)],
)
def test_a_value_that_the_bounds_no_longer_take_becomes_the_nearest(
    path: Path, state: Path, written: str, bounds: tuple[float, float], used: int
) -> None:
    path.write_text(f"audio: {{buffer_ms: {written}}}\n")
    with image(VERSION):
        three_ways(path, state)
    with image(NEWER, audio__buffer_ms=bounds):
        for _ in range(2):
            told = three_ways(path, state)
            assert told.taken
            [line] = told.lines
            assert line.startswith(f"{path}:1: audio.buffer_ms: {float(written):g} is too ")
            assert line.endswith(f"version {VERSION} accepted it, this one uses {used}")
            loaded = load(path, accepted=read_accepted(state))
            assert loaded.config.audio.buffer_ms == used
        path.write_text("audio: {buffer_ms: 141}\nidle: {breath: 0.5}\n")
        assert not three_ways(path, state).taken or bounds[0] <= 141 <= bounds[1]


def test_a_choice_that_is_gone_becomes_the_default(path: Path, state: Path) -> None:
    path.write_text("log: {level: debug}\n")
    with image(NEWER):
        three_ways(path, state)
    with image(VERSION):
        row = OPTIONS["log.level"]
        OPTIONS["log.level"] = replace(row, rule=replace(row.rule, choices=("info", "error")))
        told = three_ways(path, state)
        assert told.taken
        assert told.lines[0].endswith("accepted it, this one uses 'info'")
        path.write_text("log: {level: warning}\n")
        assert not three_ways(path, state).taken


def test_a_renamed_key_is_read_with_a_warning(path: Path, state: Path) -> None:
    row = Renamed("idle.breath", VERSION)
    with mock.patch.dict(RENAMED, {"face.breathing": row, "idle.breathing": row}):
        for old in ("face.breathing", "idle.breathing"):
            section, _, name = old.partition(".")
            path.write_text(f"{section}: {{{name}: 0.5}}\n")
            expected = f"{path}:1: {old}: is called idle.breath since configuration version "
            assert three_ways(path, state) == Verdict(True, (f"{expected}{VERSION}; write that",))
            assert load(path).config.idle.breath == 0.5
            assert load(path, [f"{old}=0.25"]).config.idle.breath == 0.25
        path.write_text("idle: {breathing: 9}\n")
        assert "1: idle.breathing: 9 is too large" in three_ways(path, state).lines[0]
        # Both, for the sake of both images
        for text in ("breathing: 0.5, breath: 0.75", "breath: 0.75, breathing: 0.5"):
            path.write_text(f"idle: {{{text}}}\n")
            assert three_ways(path, state).taken
            assert load(path).config.idle.breath == 0.75


def test_former_names_are_given_up_in_time() -> None:
    for old, row in RENAMED.items():
        assert old not in OPTIONS
        assert row.new in OPTIONS
        assert row.since <= VERSION < row.since + READ_FOR, f"{old} was read long enough"


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"[]", b'{"a": 1}', b'{"a": [1]}', b'{"a": ["x", 1]}', b"[" * 9999, b"\xff"],
)
def test_a_damaged_memory_forgives_nothing_and_stops_nothing(
    path: Path, state: Path, content: bytes
) -> None:
    (state / FILE_NAME).write_bytes(content)
    path.write_text("audio: {volume: 0.5}\n")
    assert three_ways(path, state).taken
    assert json.loads((state / FILE_NAME).read_text()).keys() == {"audio", "audio.volume"}


def test_a_medium_that_takes_nothing_stops_nothing(
    path: Path, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("audio: {volume: 0.5}\n")
    keep_accepted(state / "nowhere", load(path).accepted)
    assert "another image may stop over this configuration" in caplog.text
    assert read_accepted(state / "nowhere") == NOTHING


def test_no_value_is_kept_only_what_tells_it_again(path: Path, state: Path) -> None:
    path.write_text("endpoint: {url: 'wss://host/relay?key=secret'}\n")
    three_ways(path, state)
    assert "secret" not in (state / FILE_NAME).read_text()
    before = (state / FILE_NAME).stat().st_mtime_ns
    three_ways(path, state)
    assert (state / FILE_NAME).stat().st_mtime_ns == before, "an idle board writes nothing"


OLDER = """
from kioskd.config import table
del table.OPTIONS["idle.breath"], table.OPTIONS["voice.enabled"], table.SECTIONS["voice"]
"""
AS_NEWER = f"from kioskd.config import accepted; accepted.VERSION = {NEWER}"


def test_real_processes_start_one_after_the_other(path: Path, state: Path) -> None:
    """As the hook starts them: 78 would end at the page that says the configuration is wrong."""
    path.write_text(LATER + "display: {driver: x11}\nhealth: {enabled: false}\n")

    def run(prelude: str, *words: str) -> tuple[int, str]:
        # Without a screen the start ends right after the configuration, with 1
        code = f"import sys\n{prelude}\nfrom kioskd.__main__ import main\nsys.exit(main())"
        environment = os.environ | {"STATE_DIRECTORY": str(state)}
        environment.pop("DISPLAY", None)
        done = subprocess.run(
            [sys.executable, "-c", code, "--config", str(path), *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment,
        )
        return done.returncode, done.stderr

    assert run(OLDER)[0] == 78, "before a newer image has accepted it"
    assert run(AS_NEWER)[0] == 1
    status, told = run(OLDER)
    assert status == 1, told
    assert told.count("config_warning") == 2 or told.count("not known to this image") == 2
    status, told = run(OLDER, "--check")
    assert (status, told.count("warning: ")) == (0, 2), told


def test_the_board_around_kioskd_forgives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kioskctl still finds the port, a stick still proves itself, the good copy is still good."""
    monkeypatch.setattr(DiskFiles, "sync", lambda *_: None)
    monkeypatch.setattr(DiskFiles, "sync_folder", lambda *_: None)
    store = Store(tmp_path / "store", tmp_path / "run")
    store.run.mkdir()
    store.data.mkdir(parents=True)
    monkeypatch.setenv("KIOSK_STORE", str(store.root))
    files: dict[str, str | bytes] = {
        "kiosk.yaml": LATER + "health: {port: 9000}\n",
        "health-token": "f" * 32,
    }
    with image(NEWER):
        assert boot(store, make_stick(tmp_path / "one", files)).problems == ()
        (store.config / "kiosk.d/00-found.yaml").unlink()  # it names /etc/kiosk
        main = store.config / "kiosk.yaml"
        three_ways(main, store.data)
    with image(VERSION):
        address = own_address(main)
        assert address is not None
        assert address.url == "http://127.0.0.1:9000"
        finding = ConfigFileCheck(main, store.data).run(0.0)
        assert finding.status is Status.WARN
        assert {reason.code for reason in finding.reasons} == {"config_warning"}
        main.unlink()
        assert boot(store).result == "restored", "from the good copy"
        assert LATER in main.read_text()
        second: dict[str, str | bytes] = {
            "kiosk.yaml": "audio: {volume: 0.5}\n",
            "current-token": token(store),
        }
        assert boot(store, make_stick(tmp_path / "two", second)).problems == ()
