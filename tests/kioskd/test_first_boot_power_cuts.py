# SPDX-License-Identifier: Apache-2.0
"""The power goes while a configuration is taken: the old one or the new one, never a mixture."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from first_boot_board import BOARD, boot, in_force, make_stick, token
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from power_cuts import EXTREMES, Disk, Recorder

from kioskd.durable_files import DiskFiles
from kioskd.first_boot.run import first_boot
from kioskd.update.store import Store


@pytest.fixture(scope="module", params=["setup", "second stick", "folders", "reset"])
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, list[tuple[str, Path, object]]]:
    """What each story does to the files, from what it started."""
    folder = tmp_path_factory.mktemp("cuts")
    store = Store(folder / "store", folder / "run")
    store.root.mkdir()
    old = {
        "kiosk.yaml": "audio: {volume: 0.5}\n",
        "kiosk.d/x.yaml": "log: {level: error}\n",
        "health-token": "old-token-0123456789\n",
    }
    new = {
        "kiosk.yaml": "audio: {volume: 0.25}\n",
        "current-token": old["health-token"],
        "health-token": "new-token-0123456789\n",
    }
    if request.param == "folders":
        old |= {"kiosk.yaml": old["kiosk.yaml"] + "avatar: {path: b/a}\n", "b/a": "old"}
        new |= {"kiosk.yaml": new["kiosk.yaml"] + "avatar: {path: b}\n", "b": "new"}
    if request.param != "setup":
        boot(store, make_stick(folder / "old", dict(old)))
    if request.param == "folders":
        (store.config / "b/a").unlink()  # by hand; the folder is left in the file's way
    if request.param == "reset":
        (store.state / "factory-reset").write_bytes(b"1\n")
    before = folder / "before"
    shutil.copytree(store.root, before)
    recorder = Recorder()
    stick = make_stick(folder / "new", dict(new)) if request.param != "reset" else None
    first_boot(store, recorder, BOARD, None if stick is None else nullcontext(stick))
    steps = [
        (
            kind,
            before / path.relative_to(store.root),
            before / detail.relative_to(store.root) if isinstance(detail, Path) else detail,
        )
        for kind, path, detail in recorder.steps
    ]
    return request.param, before, steps


def one_or_the_other(root: Path, story: str) -> None:
    """The next start without a stick: the old configuration or the new one, never a mixture."""
    store = Store(root, root / "no-run")
    boot(store)
    config = in_force(store)
    seen = (config.audio.volume, config.log.level)
    whole = {
        "setup": {(1.0, "info"), (0.25, "info")},
        "reset": {(1.0, "info")},
        "second stick": {(0.5, "error"), (0.25, "info")},
        "folders": {(0.5, "error"), (0.25, "info")},
    }
    assert seen in whole[story], seen
    assert config.health.token_file == str(store.config / "health-token")
    if story == "folders" and config.audio.volume == 0.25:
        assert (store.config / "b").read_text() == "new"
    tokens = {0.5: {"old-token-0123456789"}, 0.25: {"new-token-0123456789"}}
    assert token(store) in tokens.get(config.audio.volume, {token(store)})
    assert token(store) != "old-token-0123456789" or story != "reset"


@pytest.mark.slow("replays power cuts")
def test_the_power_goes_at_any_moment(
    recorded: tuple[str, Path, list[tuple[str, Path, object]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DiskFiles, "sync", lambda *_: None)
    monkeypatch.setattr(DiskFiles, "sync_folder", lambda *_: None)
    story, before, steps = recorded
    for cut in range(len(steps) + 1):
        disk = Disk(before)
        for step in steps[:cut]:
            disk.do(step)
        for number, extreme in enumerate(EXTREMES):
            disk.after_cut(tmp_path / f"{cut}-{number}", extreme)
            one_or_the_other(tmp_path / f"{cut}-{number}", story)


@pytest.mark.slow("replays power cuts")
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_the_disk_forgets_what_it_likes(
    recorded: tuple[str, Path, list[tuple[str, Path, object]]],
    tmp_path: Path,
    data: st.DataObject,
) -> None:
    story, before, steps = recorded
    disk = Disk(before)
    for step in steps[: data.draw(st.integers(0, len(steps)))]:
        disk.do(step)
    shutil.rmtree(tmp_path / "after", ignore_errors=True)
    disk.after_cut(tmp_path / "after", lambda count: data.draw(st.integers(0, count - 1)))
    one_or_the_other(tmp_path / "after", story)
