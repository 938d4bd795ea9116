# SPDX-License-Identifier: Apache-2.0
"""The hook's shell and the Python tools read, decide and write alike, and survive power cuts."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import hook_model
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from power_cuts import EXTREMES, Disk, Step, everything_kept
from update_images import BOARD, KeyPair, make_image, make_keys

from kioskd.durable_files import DiskFiles
from kioskd.update.errors import ImageError
from kioskd.update.image_format import verify
from kioskd.update.release import Trust
from kioskd.update.slot_state import SlotState, read_state, state_file, write_state
from kioskd.update.store import SLOTS, Store

HOOK = Path(__file__).resolve().parents[2] / "rootfs_overlay/usr/libexec/kiosk"
CONTENTS = ("missing", "good", "other", "flipped", "cut", "foreign board")
DAMAGE = ("whole", "missing", "empty", "flipped", "cut")

SHIM = """#!/bin/sh
for last in "$@"; do :; done
case $last in "$KIOSK_STORE"*)
	copy=$(mktemp "$SHIM_LOG/XXXXXX")
	[ -d "$last" ] || cat "$last" >"$copy" 2>/dev/null
	printf '%s\\t%s\\t%s\\n' "${0##*/} $*" "$(test -d "$last" && echo folder)" "$copy" \\
		>>"$SHIM_LOG/steps" ;;
esac
exec "$SHIM_REAL/${0##*/}" "$@"
"""


@dataclass(frozen=True)
class Bench:
    """Images of every kind, and the key that is trusted."""

    folder: Path
    keys: KeyPair

    @property
    def trust(self) -> Trust:
        return Trust(BOARD, (self.keys.public,), hook_format=1)

    def fill(self, store: Store, a: str, b: str) -> None:
        for path in (store.slots, store.state, store.run):
            path.mkdir(parents=True, exist_ok=True)
        for slot, content in zip(SLOTS, (a, b), strict=True):
            if content != "missing":
                shutil.copyfile(self.folder / f"{content}.img", store.image(slot))

    def environment(self, store: Store) -> dict[str, str]:
        return os.environ | {
            "KIOSK_STORE": str(store.root),
            "KIOSK_RUN": str(store.run),
            "KIOSK_BOARD": BOARD,
            "KIOSK_KEYS": str(self.keys.public.parent),
            "KIOSK_HOOK": str(HOOK),
        }

    def choose(self, store: Store, **more: str) -> str:
        done = subprocess.run(
            ["sh", HOOK / "slots.sh", "choose"],
            env=self.environment(store) | more,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    keys = make_keys(folder, "release")
    good = make_image(folder / "good.img", keys, "1.0.0").read_bytes()
    make_image(folder / "other.img", keys, "2.0.0")
    make_image(folder / "foreign board.img", keys, "1.0.0", board="rk3576")
    (folder / "cut.img").write_bytes(good[:-100])
    flipped = bytearray(good)
    flipped[7000] ^= 16
    (folder / "flipped.img").write_bytes(flipped)
    return Bench(folder, keys)


def damage(store: Store, how: str) -> None:
    path = state_file(store)
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(content[:-20])
    elif how == "flipped":
        content[16] ^= 3
        path.write_bytes(content)


@pytest.mark.slow("runs the hook some hundred times")
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    images=st.tuples(st.sampled_from(CONTENTS), st.sampled_from(CONTENTS)),
    active=st.sampled_from(SLOTS),
    trial=st.booleans(),
    tries=st.integers(0, 9),
    failures=st.integers(0, 999),
    how=st.sampled_from(DAMAGE),
)
def test_both_choose_the_same_slot_and_leave_the_same_state(
    bench: Bench,
    tmp_path: Path,
    images: tuple[str, str],
    active: str,
    trial: bool,
    tries: int,
    failures: int,
    how: str,
) -> None:
    stores = [Store(tmp_path / name, tmp_path / f"{name}-run") for name in ("shell", "python")]
    state = SlotState(
        "a" if active == "a" else "b",
        (("b" if active == "a" else "a") if trial else None),
        tries,
        failures,
    )
    for store in stores:
        shutil.rmtree(store.root, ignore_errors=True)
        bench.fill(store, *images)
        write_state(store, state, DiskFiles())
        damage(store, how)
    shell, python = stores
    assert bench.choose(shell) == (hook_model.choose(python, bench.trust) or "none")
    assert read_state(shell) == read_state(python)


def in_python(image: Path, bench: Bench) -> str:
    try:
        return verify(image, bench.trust.keys, BOARD).version
    except ImageError as error:
        return error.code


@pytest.mark.parametrize("content", CONTENTS[1:])
def test_both_verify_alike_and_by_the_same_name(bench: Bench, tmp_path: Path, content: str) -> None:
    store = Store(tmp_path / "store", tmp_path / "run")
    bench.fill(store, content, "missing")
    done = subprocess.run(
        ["sh", HOOK / "verify", store.image("a")],
        env=bench.environment(store),
        capture_output=True,
        text=True,
        check=False,
    )
    shell = done.stdout.strip() if done.returncode == 0 else done.stderr.partition(":")[0]
    assert shell == in_python(store.image("a"), bench)


# Power cuts while the board starts

STARTS = {
    "first try": ("good", "other", SlotState("a", "b", 3)),
    "last try": ("good", "other", SlotState("a", "b", 1)),
    "tries used up": ("good", "other", SlotState("a", "b", 0)),
    "trial is broken": ("good", "flipped", SlotState("a", "b", 3)),
    "active is broken": ("cut", "other", SlotState("a")),
    "all but one is broken": ("good", "flipped", SlotState("b", "a", 0, 2)),
    "no state": ("flipped", "other", None),
    "nothing to do": ("good", "other", SlotState("a")),
}


def record(bench: Bench, store: Store, shims: Path) -> list[Step]:
    """The shell's changes: it writes `NAME.new`, syncs it, renames it, syncs the folder."""
    log = shims / "log"
    log.mkdir(parents=True)
    for name in ("sync", "mv"):
        (shims / name).write_text(SHIM)
        (shims / name).chmod(0o755)
    real = Path(shutil.which("mv") or "/bin/mv").parent
    bench.choose(
        store, PATH=f"{shims}:{os.environ['PATH']}", SHIM_LOG=str(log), SHIM_REAL=str(real)
    )
    steps: list[Step] = []
    for line in (log / "steps").read_text().splitlines() if (log / "steps").exists() else []:
        command, folder, copy = line.split("\t")
        words = command.split()
        if words[0] == "mv":
            steps.append(("rename", Path(words[-2]), Path(words[-1])))
        elif folder:
            steps.append(("sync_folder", Path(words[-1]), None))
        else:
            steps += [
                ("create", Path(words[-1]), None),
                ("append", Path(words[-1]), Path(copy).read_bytes()),
                ("sync", Path(words[-1]), None),
            ]
    return steps


@pytest.fixture(scope="module", params=STARTS)
def started(
    request: pytest.FixtureRequest, bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Step]]:
    a, b, state = STARTS[request.param]
    folder = tmp_path_factory.mktemp("start")
    store = Store(folder / "store", folder / "run")
    bench.fill(store, a, b)
    store.config.mkdir()
    (store.config / "kiosk.yaml").write_text("log: {level: error}\n")
    if state is not None:
        write_state(store, state, DiskFiles())
    before = folder / "before"
    shutil.copytree(store.root, before)
    steps = record(bench, store, folder / "shims")
    moved: list[Step] = [
        (
            kind,
            before / path.relative_to(store.root),
            before / detail.relative_to(store.root) if isinstance(detail, Path) else detail,
        )
        for kind, path, detail in steps
    ]
    disk = Disk(before)
    for step in moved:
        disk.do(step)
    disk.after_cut(folder / "replayed", everything_kept)
    assert _content(folder / "replayed") == _content(store.root), "a change was not recorded"
    return before, moved


def _content(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.slow("replays power cuts")
def test_the_power_goes_at_any_moment_of_the_start(
    started: tuple[Path, list[Step]], bench: Bench, tmp_path: Path
) -> None:
    before, steps = started
    for cut in range(len(steps) + 1):
        for number, extreme in enumerate(EXTREMES):
            disk = Disk(before)
            for step in steps[:cut]:
                disk.do(step)
            root = tmp_path / f"{cut}-{number}"
            disk.after_cut(root, extreme)
            store = Store(root, tmp_path / "no-run")
            assert read_state(store) is not None or read_state(Store(before)) is None
            for _ in range(5):
                assert hook_model.choose(store, bench.trust) is not None
            state = read_state(store)
            assert state is not None
            assert state.pending is None
            assert (store.config / "kiosk.yaml").read_text() == "log: {level: error}\n"


def test_a_try_is_counted_before_the_image_runs(bench: Bench, tmp_path: Path) -> None:
    """Killed at every moment of every start, an image on trial gets at most its three tries."""
    store = Store(tmp_path / "store", tmp_path / "run")
    bench.fill(store, "good", "other")
    write_state(store, SlotState("a", "b", 3), DiskFiles())
    assert [bench.choose(store) for _ in range(5)] == ["b", "b", "b", "a", "a"]
    assert read_state(store) == SlotState("a", failures=1)
