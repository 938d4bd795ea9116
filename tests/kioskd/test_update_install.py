# SPDX-License-Identifier: Apache-2.0
"""Installing an image: into the other slot, whole or not at all, and on trial only then."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from update_images import BOARD, KeyPair, make_image, make_keys

from kioskd.durable_files import DiskFiles
from kioskd.update.errors import ImageError, UpdateError
from kioskd.update.install import install
from kioskd.update.last_result import read_result
from kioskd.update.manifest import VERSION_PATTERN, Manifest
from kioskd.update.release import Trust
from kioskd.update.slot_state import SlotState, read_state, write_state
from kioskd.update.slots import true_state
from kioskd.update.store import Store
from kioskd.update.version_order import age


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture
def trust(keys: KeyPair) -> Trust:
    return Trust(BOARD, (keys.public,), hook_format=1)


@pytest.fixture
def store(tmp_path: Path, keys: KeyPair) -> Store:
    """A board that runs 1.0.0 from slot a and has never been updated."""
    store = Store(tmp_path / "store", tmp_path / "run")
    store.slots.mkdir(parents=True)
    store.run.mkdir()
    make_image(store.image("a"), keys, "1.0.0")
    (store.run / "slot").write_text("a\n")
    write_state(store, SlotState("a"), DiskFiles())
    return store


def untouched(store: Store, good: bytes) -> None:
    assert store.image("a").read_bytes() == good
    state = read_state(store)
    assert state is not None
    assert state.active == "a"
    assert not list(store.slots.glob("*.new"))


def test_it_goes_to_the_other_slot_and_on_trial(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    good = store.image("a").read_bytes()
    new = make_image(tmp_path / "new.img", keys, "1.1.0", size=3_000_000)
    told: list[tuple[str, int, int]] = []
    done = install(new, store, trust, DiskFiles(), lambda *far: told.append(far))
    assert (done.slot, done.manifest.version) == ("b", "1.1.0")
    assert store.image("b").read_bytes() == new.read_bytes()
    assert read_state(store) == SlotState("a", pending="b", tries=3)
    result = read_result(store)
    assert result is not None
    assert (result.result, result.slot, result.version) == ("installed", "b", "1.1.0")
    assert list(dict.fromkeys(doing for doing, _, _ in told)) == [
        "checking",
        "writing",
        "reading back",
    ]
    assert all(0 < far <= total for _, far, total in told)
    untouched(store, good)


def test_a_second_one_replaces_the_first_before_it_was_tried(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    for version in ("1.1.0", "1.2.0"):
        install(make_image(tmp_path / "new.img", keys, version), store, trust, DiskFiles())
    assert true_state(store, trust) == SlotState("a", pending="b", tries=3)
    assert b'"version":"1.2.0"' in store.image("b").read_bytes()


@pytest.mark.parametrize(
    ("version", "built", "why"),
    [
        (
            "1.0.0",
            0,
            "holds 1.0.0, which is what is installed already in slot a; give --allow-down",
        ),
        ("0.9.9", 0, "which is older than 1.0.0, installed in slot a; give --allow-downgrade"),
        ("1.0.0-rc1", 9, "older"),
        ("1.0.0~rc1+abc", 9, "older"),
        ("1.0.0+abc", -1, "older"),
        ("0.10", 9, "older"),
    ],
)
def test_an_older_image_or_the_same_again_is_put_in_only_where_that_is_said(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path, version: str, built: int, why: str
) -> None:
    good = store.image("a").read_bytes()
    image = make_image(tmp_path / "new.img", keys, version, built=1_700_000_000 + built)
    with pytest.raises(UpdateError) as caught:
        install(image, store, trust, DiskFiles())
    assert caught.value.code == "no_update"
    assert why in str(caught.value)
    assert read_state(store) == SlotState("a")
    assert not store.image("b").exists()
    install(image, store, trust, DiskFiles(), allow_downgrade=True)
    assert read_state(store) == SlotState("a", pending="b", tries=3)
    untouched(store, good)


@pytest.mark.parametrize(
    ("version", "built"),
    [
        ("1.0.1-rc1", -9),
        ("1.0.10", 0),
        ("1.0.0+abc", 1),
        ("1.0.0+abc.dirty", 0),
        ("1.1", -9),
        ("1.0.0", 1),
    ],
)
def test_a_newer_build_is_an_update(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path, version: str, built: int
) -> None:
    """Also one of the same commit whose content differs: what a developer makes all day.

    And one of a newer commit whose content is the same: its version is what an operator sees.
    """
    image = make_image(tmp_path / "new.img", keys, version, built=1_700_000_000 + built)
    assert install(image, store, trust, DiskFiles()).slot == "b"


def test_where_nothing_good_is_installed_any_image_is_an_update(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    store.image("a").write_bytes(b"damaged")
    image = make_image(tmp_path / "new.img", keys, "0.1.0")
    assert install(image, store, trust, DiskFiles()).slot == "b"


@given(
    st.from_regex(VERSION_PATTERN, fullmatch=True), st.from_regex(VERSION_PATTERN, fullmatch=True)
)
def test_any_two_versions_have_an_order(first: str, second: str) -> None:
    ages = [age(Manifest(v, BOARD, 4096, "0" * 64, "0" * 16, {}, 1)) for v in (first, second)]
    assert (ages[0] < ages[1]) + (ages[1] < ages[0]) + (ages[0] == ages[1]) == 1


def test_the_command_says_what_it_wants(
    store: Store, keys: KeyPair, tmp_path: Path, root: Path
) -> None:
    image = make_image(tmp_path / "old.img", keys, "0.9.0")
    environment = os.environ | {
        "KIOSK_STORE": str(store.root),
        "KIOSK_KEYS": str(keys.public.parent),
        "KIOSK_BOARD": BOARD,
        "KIOSK_RUN": str(store.run),
    }
    command = [sys.executable, "-m", "kioskd.ctl", "install", str(image)]
    said = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 2
    assert "give --allow-downgrade to install it all the same [no_update]" in said.stderr
    fifo = tmp_path / "fifo.img"
    os.mkfifo(fifo)
    for odd in (fifo, tmp_path, Path("/dev/zero")):
        said = subprocess.run(
            [*command[:-1], str(odd)],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert said.returncode == 2
        assert "name a regular file [unreadable]" in said.stderr
    subprocess.run([*command, "--allow-downgrade"], cwd=root, env=environment, check=True)
    assert read_state(store) == SlotState("a", pending="b", tries=3)


def test_what_is_not_for_this_board_changes_nothing(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    """The other ways of being bad are tried where the format is tested: all come this way."""
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    stranger = make_keys(tmp_path, "stranger")
    good = make_image(tmp_path / "good.img", keys, "2.0.0")
    flipped = bytearray(good.read_bytes())
    flipped[4242] ^= 4
    cases = {
        "wrong_board": make_image(tmp_path / "1.img", keys, "2.0.0", board="rk3576"),
        "hook_too_old": make_image(tmp_path / "2.img", keys, "2.0.0", min_hook=2),
        "unknown_key": make_image(tmp_path / "3.img", stranger, "2.0.0"),
        "truncated": tmp_path / "4.img",
        "wrong_hash": tmp_path / "5.img",
        "unreadable": tmp_path / "6.img",
    }
    cases["truncated"].write_bytes(good.read_bytes()[:-1000])
    cases["wrong_hash"].write_bytes(flipped)
    for code, image in cases.items():
        with pytest.raises(UpdateError) as caught:
            install(image, store, trust, DiskFiles())
        assert caught.value.code == code
    after = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    after.pop(store.state / "lock", None)
    assert after == before


class Failing(DiskFiles):
    """A disk whose n-th change fails."""

    def __init__(self, after: int, number: int) -> None:
        self.left, self.number = after, number

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(self.number, os.strerror(self.number))

    def write(self, path: Path, chunks: Iterable[bytes], mode: int) -> None:
        self._count()
        super().write(path, chunks, mode)

    def sync(self, path: Path) -> None:
        self._count()
        super().sync(path)

    def rename(self, source: Path, target: Path) -> None:
        self._count()
        super().rename(source, target)

    def sync_folder(self, path: Path) -> None:
        self._count()
        super().sync_folder(path)


def refusal(image: Path, store: Store, trust: Trust, files: DiskFiles) -> str | None:
    try:
        install(image, store, trust, files)
    except UpdateError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "no_space"), (errno.EIO, "write_failed"), (errno.EROFS, "not_writable")],
)
def test_a_disk_that_fails_at_any_step_leaves_the_active_slot(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path, number: int, code: str
) -> None:
    good = store.image("a").read_bytes()
    new = make_image(tmp_path / "new.img", keys, "1.1.0")
    after = 1
    while (failure := refusal(new, store, trust, Failing(after, number))) is not None:
        assert failure == code
        untouched(store, good)
        after += 1
    assert after > 10, "every step has failed once"
    assert read_state(store) == SlotState("a", pending="b", tries=3)


def test_what_was_written_is_read_back(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    class Rotten(DiskFiles):
        def sync(self, path: Path) -> None:
            super().sync(path)
            if path.name == "b.img.new":
                content = bytearray(path.read_bytes())
                content[5000] ^= 1
                path.write_bytes(content)

    good = store.image("a").read_bytes()
    with pytest.raises(ImageError) as caught:
        install(make_image(tmp_path / "new.img", keys, "1.1.0"), store, trust, Rotten())
    assert caught.value.code == "wrong_hash"
    untouched(store, good)
    assert not store.image("b").exists()


def test_one_at_a_time(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kioskd.update.install.INSTALL_WAIT_S", 0.2)
    new = make_image(tmp_path / "new.img", keys, "1.1.0")
    with (store.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UpdateError) as caught:
            install(new, store, trust, DiskFiles())
    assert caught.value.code == "busy"


def test_the_slot_that_runs_on_trial_is_not_overwritten(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    install(make_image(tmp_path / "new.img", keys, "1.1.0"), store, trust, DiskFiles())
    (store.run / "slot").write_text("b\n")
    with pytest.raises(UpdateError) as caught:
        install(make_image(tmp_path / "newer.img", keys, "1.2.0"), store, trust, DiskFiles())
    assert caught.value.code == "on_trial"


def test_a_damaged_state_or_active_image_does_not_lose_the_only_good_one(
    store: Store, trust: Trust, keys: KeyPair, tmp_path: Path
) -> None:
    """The file says that a is active, but a is broken: b is what works, and a is written."""
    make_image(store.image("b"), keys, "1.1.0")
    store.image("a").write_bytes(b"hsqs" + bytes(9000))
    (store.run / "slot").write_text("b\n")
    (store.state / "slots").write_bytes(b"format=1\nactive=a\n")
    good = store.image("b").read_bytes()
    done = install(make_image(tmp_path / "new.img", keys, "1.2.0"), store, trust, DiskFiles())
    assert done.slot == "a"
    assert store.image("b").read_bytes() == good
    assert read_state(store) == SlotState("b", pending="a", tries=3)


def test_a_partition_for_two_images_takes_the_third(keys: KeyPair, tmp_path: Path) -> None:
    """On a file system that holds two and a bit; one that holds less is told so."""
    small = 'mount -t tmpfs -o size=$1 none $2 && shift 2 && exec "$@"'
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", small, "sh"]
    root = tmp_path / "store"
    root.mkdir()
    if subprocess.run([*unshare, "64k", root, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount in a name space of their own")
    images = [
        make_image(tmp_path / f"{n}.img", keys, f"{n}.0.0", size=2_000_000) for n in (1, 2, 3)
    ]
    script = tmp_path / "fill.sh"
    script.write_text(
        "set -e; mkdir -p $KIOSK_STORE/slots; cp $1 $KIOSK_STORE/slots/a.img\n"
        "for n in $2 $3; do $PYTHON -m kioskd.ctl install $n; done; ls $KIOSK_STORE/slots\n"
        "exec $PYTHON -m kioskd.ctl slots\n"
    )
    environment = os.environ | {
        "KIOSK_STORE": str(root),
        "KIOSK_KEYS": str(keys.public.parent),
        "KIOSK_BOARD": BOARD,
        "KIOSK_RUN": str(tmp_path),
        "PYTHON": sys.executable,
    }
    for size, works in (("6m", True), ("4m", False)):
        done = subprocess.run(
            [*unshare, size, root, "sh", script, *images],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if works:
            assert done.returncode == 0, done.stderr
            assert "a.img\nb.img\na  1.0.0  (active)\nb  3.0.0  (on trial, 3 tries" in done.stdout
        else:
            assert done.returncode == 2
            assert "[no_space]" in done.stderr
            assert "Traceback" not in done.stderr
