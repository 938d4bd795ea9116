# SPDX-License-Identifier: Apache-2.0
"""The power goes at any moment of an update: the board starts, and from a whole image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hook_model
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from power_cuts import EXTREMES, Disk, Recorder
from update_images import BOARD, KeyPair, make_image, make_keys

from kioskd.durable_files import DiskFiles
from kioskd.update import install as install_module
from kioskd.update.image_format import read_manifest
from kioskd.update.install import RESERVE_BYTES, install
from kioskd.update.release import Trust
from kioskd.update.slot_state import SlotState, read_state, write_state
from kioskd.update.store import Store
from kioskd.update.trial import mark_good, rollback

Change = Callable[[Store, Trust, Recorder, Path], None]


@dataclass(frozen=True)
class Story:
    """A board before a change: versions in its slots, its state, what runs; and the change."""

    name: str
    a: str | None
    b: str | None
    state: SlotState | None
    running: str
    change: Change
    starts: frozenset[str]
    """The versions that may start after the cut."""


def _install(store: Store, trust: Trust, files: Recorder, new: Path) -> None:
    install(new, store, trust, files)


def _mark(store: Store, trust: Trust, files: Recorder, new: Path) -> None:
    mark_good(store, files)


def _rollback(store: Store, trust: Trust, files: Recorder, new: Path) -> None:
    rollback(store, trust, files)


STORIES = [
    Story("first update", "1", None, SlotState("a"), "a", _install, frozenset("13")),
    Story("next update", "1", "2", SlotState("b"), "b", _install, frozenset("23")),
    Story("before it was tried", "1", "2", SlotState("a", "b", 3), "a", _install, frozenset("123")),
    Story(
        "after a failed one", "1", "2", SlotState("a", None, 0, 1), "a", _install, frozenset("13")
    ),
    Story("no state file", "1", None, None, "a", _install, frozenset("13")),
    Story("marked good", "1", "2", SlotState("a", "b", 2), "b", _mark, frozenset("12")),
    Story("given up", "1", "2", SlotState("a", "b", 2), "b", _rollback, frozenset("12")),
    Story("the old one again", "1", "2", SlotState("b"), "b", _rollback, frozenset("12")),
]


@dataclass(frozen=True)
class Recorded:
    """What a change did to the files, from what it started."""

    story: Story
    before: Path
    steps: Recorder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture(scope="module")
def trust(keys: KeyPair) -> Trust:
    return Trust(BOARD, (keys.public,), hook_format=1)


@pytest.fixture(scope="module", params=STORIES, ids=lambda story: story.name)
def recorded(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    keys: KeyPair,
    trust: Trust,
) -> Recorded:
    story: Story = request.param
    folder = tmp_path_factory.mktemp("story")
    new = make_image(folder / "new.img", keys, "3")
    store = Store(folder / "store", folder / "run")
    for path in (store.slots, store.state, store.config, store.run):
        path.mkdir(parents=True)
    (store.config / "kiosk.yaml").write_text("display: {driver: kmsdrm}\n")
    (store.run / "slot").write_text(story.running)
    for slot, version in (("a", story.a), ("b", story.b)):
        if version is not None:
            make_image(store.image(slot), keys, version)
    if story.state is not None:
        write_state(store, story.state, DiskFiles())
    before = folder / "before"
    shutil.copytree(store.root, before)
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(install_module, "_CHUNK", 4096)
        if story.name == "next update":  # without room for three images
            patch.setattr(install_module, "_free", lambda _: RESERVE_BYTES + 1000)
        story.change(store, trust, recorder, new)
    moved = [
        (
            kind,
            before / path.relative_to(store.root),
            before / detail.relative_to(store.root) if isinstance(detail, Path) else detail,
        )
        for kind, path, detail in recorder.steps
    ]
    return Recorded(story, before, Recorder(moved))


def starts_well(root: Path, story: Story, trust: Trust) -> None:
    """The hook finds an image that verifies, of a version that may be there; twice, thrice."""
    store = Store(root, root / "no-run")
    seen = []
    for _ in range(5):  # every try of the trial, and what comes after it
        slot = hook_model.choose(store, trust)
        assert slot is not None, "no image starts any more"
        seen.append(read_manifest(store.image(slot)).version)
    assert set(seen) <= story.starts, seen
    state = read_state(store)
    assert state is not None
    assert state.pending is None, "a trial that nobody confirms ends"
    assert (store.config / "kiosk.yaml").read_text() == "display: {driver: kmsdrm}\n"


@pytest.mark.slow("replays power cuts")
def test_every_moment_and_the_worst_ways_to_forget(
    recorded: Recorded, trust: Trust, tmp_path: Path
) -> None:
    for cut in range(len(recorded.steps.steps) + 1):
        for number, extreme in enumerate(EXTREMES):
            disk = Disk(recorded.before)
            for step in recorded.steps.steps[:cut]:
                disk.do(step)
            root = tmp_path / f"{cut}-{number}"
            disk.after_cut(root, extreme)
            starts_well(root, recorded.story, trust)


@pytest.mark.slow("replays power cuts")
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(data=st.data())
def test_any_moment_and_any_way_to_forget(
    recorded: Recorded, trust: Trust, tmp_path: Path, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(recorded.steps.steps)))
    disk = Disk(recorded.before)
    for step in recorded.steps.steps[:cut]:
        disk.do(step)
    root = tmp_path / "after"
    shutil.rmtree(root, ignore_errors=True)
    disk.after_cut(root, lambda count: data.draw(st.integers(0, count - 1)))
    starts_well(root, recorded.story, trust)


@pytest.mark.parametrize("recorded", [STORIES[1]], indirect=True, ids=lambda story: story.name)
def test_the_harness_sees_a_missing_sync(recorded: Recorded, trust: Trust, tmp_path: Path) -> None:
    """Without the syncs of the image the same change does leave boards that do not start."""
    steps = [step for step in recorded.steps.steps if step[0] not in ("sync", "sync_folder")]
    bricked = False
    for cut in range(len(steps) + 1):
        disk = Disk(recorded.before)
        for step in steps[:cut]:
            disk.do(step)
        for number, extreme in enumerate(EXTREMES):
            root = tmp_path / f"{cut}-{number}"
            disk.after_cut(root, extreme)
            state = read_state(Store(root))
            bricked = bricked or state is None
    assert bricked
