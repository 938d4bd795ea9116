# SPDX-License-Identifier: Apache-2.0
"""Which files of kiosk.d are read: what people write, and not what systems leave beside it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from kioskd import cli
from kioskd.config import Config, ConfigError, Loaded, load, loading
from kioskd.config.reload import LiveConfig
from kioskd.ctl.local import own_address
from kioskd.doctor.store_checks import ConfigFileCheck
from kioskd.health.checks import ConfigCheck
from kioskd.health.status import Status
from kioskd.service.signals import SignalThread

READ = ["a.yaml", "a.yml", "A.YAML", "a.Yml", "a b.yaml", "ä.yaml", "10-place.d.yaml"]
PASSED_OVER = [
    "._a.yaml",
    ".#a.yaml",
    ".a.yaml",
    ".a.yaml.swp",
    "a.yaml~",
    "#a.yaml#",
    "a.yaml.dpkg-old",
    "a.yaml.rpmsave",
    "a.yaml.bak",
    "a.txt",
    "README",
]
TOLD = {"a.yaml.txt": "a.yaml", "a.YML.TXT": "a.yaml"}


@pytest.fixture
def main(tmp_path: Path) -> Path:
    (tmp_path / "kiosk.d").mkdir()
    (tmp_path / "kiosk.yaml").write_text("")
    return tmp_path / "kiosk.yaml"


@pytest.mark.parametrize("name", READ)
def test_what_a_person_writes_is_read(main: Path, name: str) -> None:
    (main.parent / "kiosk.d" / name).write_text("audio: {volume: 0.5}\n")
    loaded = load(main)
    assert loaded.config.audio.volume == 0.5
    assert loaded.warnings == ()


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
@pytest.mark.parametrize("name", PASSED_OVER)
def test_what_systems_leave_is_passed_over(main: Path, name: str, kind: str) -> None:
    path = main.parent / "kiosk.d" / name
    match kind:
        case "file":
            path.write_bytes(b"\0\x05\x16\x07 nonsense: [")
        case "folder":
            path.mkdir()
        case "dangling link":  # Emacs locks a file by one
            path.symlink_to("user@host.1234:1700000000")
    assert load(main) == Loaded(Config(), (main,), load(main).link)


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
@pytest.mark.parametrize("name", READ)
def test_what_cannot_be_read_by_a_readable_name_is_an_error(
    main: Path, name: str, kind: str
) -> None:
    path = main.parent / "kiosk.d" / name
    path.mkdir() if kind == "folder" else path.symlink_to("nowhere")
    with pytest.raises(ConfigError) as caught:
        load(main)
    [problem] = caught.value.problems
    assert problem.startswith(f"{path}: cannot be read (")
    assert problem.endswith("); make it a file that kioskd may read, or remove it")


@pytest.mark.parametrize("name", ["kiosk.yml", "kiosk.yaml.txt", "KIOSK.YAML", "kiosk.YML.txt"])
def test_what_is_taken_for_the_file_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("audio: {volume: 0.5}\n")
    main = tmp_path / "kiosk.yaml"
    line = f"{tmp_path / name}: is not read; only kiosk.yaml is; rename it"
    with pytest.raises(ConfigError) as caught:
        load(main)
    assert line in caught.value.problems, "the reason why it is missing"
    main.write_text("")
    assert load(main).warnings == (line,)


@pytest.mark.parametrize("name", TOLD)
def test_a_warning_is_told_by_check_start_reload_and_doctor_alike(
    main: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = main.parent / "kiosk.d" / name
    path.write_text("audio: {volume: 0.5}\n")
    line = f"{path}: is not read; call it {TOLD[name]}"
    monkeypatch.setattr(sys, "argv", ["kioskd", "--config", str(main), "--check"])
    assert cli.main(SignalThread()) == 0
    assert capsys.readouterr().err.splitlines() == [f"warning: {line}"]

    live = LiveConfig(load(main), main, ())
    assert line in caplog.text, "at the start"
    assert live.snapshot.warnings == (line,)
    caplog.clear()
    asyncio.run(live.reload(lambda *_: None))
    assert line in caplog.text
    assert live.snapshot.warnings == (line,)
    for check in (ConfigCheck(lambda: live.snapshot), ConfigFileCheck(main)):
        finding = check.run(0.0)
        assert finding.status is Status.WARN
        assert [(each.code, each.text) for each in finding.reasons] == [("config_warning", line)]
    main.write_text("nonsense: 1\n")
    asyncio.run(live.reload(lambda *_: None))
    assert live.snapshot.warnings == (line,), "what is in force has not changed"
    path.unlink()
    main.write_text("")
    asyncio.run(live.reload(lambda *_: None))
    assert ConfigCheck(lambda: live.snapshot).run(0.0).status is Status.PASS


def test_kioskctl_reads_what_kioskd_does_where_the_file_is_missing(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kiosk.d alone counts, and its look-alikes are told."""
    monkeypatch.setattr(loading, "DEFAULT_FILE", main)
    main.rename(main.parent / "kiosk.yml")
    (main.parent / "kiosk.d/a.yaml").write_text("health: {port: 9000}\n")
    assert load().config.health.port == 9000
    address = own_address(main)
    assert address is not None
    assert address.url == "http://127.0.0.1:9000"
    finding = ConfigFileCheck(main).run(0.0)
    assert [reason.code for reason in finding.reasons] == ["config_warning"]
    assert finding.observed == str(main.parent / "kiosk.d/a.yaml")
