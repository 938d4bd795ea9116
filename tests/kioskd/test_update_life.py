# SPDX-License-Identifier: Apache-2.0
"""Years of a board in a minute: updates good and bad, starts, power cuts, in any order.

Whatever happens, the board starts from an image that verifies, and the one that it falls back
to is one that has once been healthy on this very board.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hook_model
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from power_cuts import Disk, Recorder
from update_images import BOARD, KeyPair, make_image, make_keys

from kioskd.durable_files import DiskFiles
from kioskd.update.errors import UpdateError
from kioskd.update.image_format import read_manifest
from kioskd.update.install import install
from kioskd.update.release import Trust
from kioskd.update.slot_state import SlotState, read_state, write_state
from kioskd.update.store import Slot, Store
from kioskd.update.trial import mark_good, rollback

VERSIONS = ("1", "2", "3", "4")
BROKEN = frozenset("24")
"""Whole and signed, but the avatar never shows."""

_images: dict[str, Path] = {}
_keys: list[KeyPair] = []


def images() -> tuple[KeyPair, dict[str, Path]]:
    """Made once: openssl takes its time."""
    if not _keys:
        folder = Path(tempfile.mkdtemp(prefix="kiosk-life-"))
        _keys.append(make_keys(folder, "release"))
        for version in VERSIONS:
            _images[version] = make_image(folder / f"{version}.img", _keys[0], version)
    return _keys[0], _images


def code_of(action: Callable[[], object]) -> str | None:
    try:
        action()
    except UpdateError as error:
        return error.code
    return None


class Quick(Recorder):
    """What the real disk holds does not matter here: the model forgets what it must."""

    def sync(self, path: Path) -> None:
        self.steps.append(("sync", path, None))

    def sync_folder(self, path: Path) -> None:
        self.steps.append(("sync_folder", path, None))


class BoardLife(RuleBasedStateMachine):
    @initialize()
    def factory(self) -> None:
        keys, self.images = images()
        self.folder = Path(tempfile.mkdtemp(prefix="kiosk-life-"))
        self.trust = Trust(BOARD, (keys.public,), hook_format=1)
        self.generation = 0
        self.store = Store(self.folder / "0", self.folder / "run")
        self.store.run.mkdir()
        for path in (self.store.slots, self.store.state, self.store.config):
            path.mkdir(parents=True)
        shutil.copyfile(self.images["1"], self.store.image("a"))
        (self.store.config / "kiosk.yaml").write_text("audio: {volume: 0.5}\n")
        write_state(self.store, SlotState("a"), DiskFiles())
        self.proven = {"1"}
        self.start()

    def start(self) -> None:
        slot = hook_model.choose(self.store, self.trust)
        assert slot is not None, "no image starts any more"
        (self.store.run / "slot").write_text(slot)
        self.running = self.version(slot)

    def version(self, slot: Slot) -> str:
        return read_manifest(self.store.image(slot)).version

    def change(self, action: Callable[[DiskFiles], object], data: st.DataObject) -> None:
        """Do it whole, or lose the power somewhere on the way and start again."""
        before = Disk(self.store.root)
        recorder = Quick()
        refusal = code_of(lambda: action(recorder))
        assert refusal in (None, "on_trial", "nothing_to_go_back_to")
        if data.draw(st.integers(0, 2), label="power cut"):
            return
        cut = data.draw(st.integers(0, len(recorder.steps)), label="at step")
        for step in recorder.steps[:cut]:
            before.do(step)
        self.generation += 1
        root = self.folder / str(self.generation)
        before.after_cut(root, lambda count: data.draw(st.integers(0, count - 1)))
        shutil.rmtree(self.store.root)
        self.store = Store(root, self.store.run)
        self.start()

    @rule(version=st.sampled_from(VERSIONS), data=st.data())
    def install(self, version: str, data: st.DataObject) -> None:
        image = self.images[version]
        self.change(lambda files: self.put(image, files), data)

    def put(self, image: Path, files: DiskFiles) -> None:
        install(image, self.store, self.trust, files, allow_downgrade=True)

    @rule(data=st.data())
    def go_back(self, data: st.DataObject) -> None:
        self.change(lambda files: rollback(self.store, self.trust, files), data)

    @precondition(lambda self: self.running not in BROKEN)
    @rule(data=st.data())
    def healthy_for_a_minute(self, data: st.DataObject) -> None:
        self.proven.add(self.running)
        self.change(lambda files: mark_good(self.store, files), data)

    @rule()
    def restart(self) -> None:
        self.start()

    @invariant()
    def what_it_falls_back_to_has_been_healthy(self) -> None:
        state = read_state(self.store)
        assert state is not None
        assert self.version(state.active) in self.proven
        assert (self.store.config / "kiosk.yaml").read_text() == "audio: {volume: 0.5}\n"

    @invariant()
    def a_trial_ends(self) -> None:
        state = read_state(self.store)
        assert state is not None
        assert state.tries <= 3

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        for _ in range(5):
            self.start()
        assert self.running in self.proven, "left alone, it comes back to what works"
        shutil.rmtree(self.folder)


BoardLife.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestBoardLife = pytest.mark.slow("lives through hundreds of updates")(BoardLife.TestCase)
