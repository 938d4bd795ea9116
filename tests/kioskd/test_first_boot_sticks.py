# SPDX-License-Identifier: Apache-2.0
"""What people and their systems make of a stick: it is taken, or refused with what was seen."""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
from contextlib import nullcontext
from pathlib import Path

import pytest
from first_boot_board import boot, in_force, leave_out_syncs, make_stick, new_store, token
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kioskd.config.table import OPTIONS
from kioskd.durable_files import DiskFiles
from kioskd.first_boot.config_store import read_config
from kioskd.first_boot.run import first_boot
from kioskd.health.status import Status
from kioskd.health.update_check import ProvisioningCheck
from kioskd.update.store import Store

QUIET = "audio: {volume: 0.5}\n"
Files = dict[str, str | bytes]
RUBBISH: Files = {
    "._kiosk.yaml": b"\0\x05\x16\x07",
    ".DS_Store": b"\0\0\0\x01Bud1",
    ".Spotlight-V100/Store-V2/x": "",
    ".Trash-1000/files/kiosk.yaml": "nonsense: 1\n",
    "$RECYCLE.BIN/desktop.ini": "",
    "System Volume Information/IndexerVolumeGuid": "{}",
    "lost+found/kiosk.yaml": "nonsense: 1\n",
    "__MACOSX/._kiosk.yaml": "",
}


@pytest.fixture(autouse=True)
def without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_syncs(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = new_store(tmp_path)
    boot(store)
    return store


TAKEN: dict[str, Files] = {
    "the page's names": {"kiosk.yaml": QUIET},
    "a hidden ending": {"kiosk.yaml.txt": QUIET},
    "another ending": {"kiosk.yml": QUIET},
    "capitals": {"KIOSK.YAML": QUIET},
    "all at once": {"Kiosk.YML.TXT": QUIET},
    "a folder": {"config for the lobby/kiosk.yaml": QUIET},
    "a folder beside others": {"lobby/KIOSK.YML": QUIET, "pictures/a.jpg": "", "notes.txt": ""},
    "only drop-ins": {"kiosk.d/10-place.yaml": QUIET},
    "drop-ins by other names": {"KIOSK.D/10-place.YML.txt": QUIET},
    "drop-ins among an editor's files": {
        "kiosk.d/10-place.yaml": QUIET,
        "kiosk.d/._10-place.yaml": b"\0",
        "kiosk.d/.#10-place.yaml": "",
        "kiosk.d/.10-place.yaml.swp": b"\0",
        "kiosk.d/10-place.yaml~": "nonsense: 1\n",
        "kiosk.d/10-place.yaml.dpkg-old": "nonsense: 1\n",
        "kiosk.d/#10-place.yaml#": "nonsense: 1\n",
        "kiosk.d/notes.txt": "nonsense",
    },
}


@pytest.mark.parametrize("name", TAKEN)
def test_one_file_that_can_be_meant_is_taken(store: Store, tmp_path: Path, name: str) -> None:
    told = boot(store, make_stick(tmp_path / "stick", RUBBISH | TAKEN[name]))
    assert told.problems == ()
    assert in_force(store).audio.volume == 0.5
    documents = {each for each in read_config(store.config) if "yaml" in each.lower()}
    wanted = {"kiosk.yaml", "kiosk.d/10-place.yaml"}
    assert documents <= wanted | {"kiosk.d/00-found.yaml"}, "under the names that kioskd reads"


def test_a_token_with_a_hidden_ending_is_no_missing_one(store: Store, tmp_path: Path) -> None:
    first = {"kiosk.yaml": QUIET, "health-token.txt": "f" * 32 + "\r\n"}
    assert boot(store, make_stick(tmp_path / "one", dict(first))).problems == ()
    assert token(store) == "f" * 32
    # Neither is the proof, here beside the folder that holds the rest
    second = {"x/kiosk.yaml": "audio: {volume: 0.25}\n", "Current-Token.txt": "f" * 32}
    assert boot(store, make_stick(tmp_path / "two", dict(second))).problems == ()
    assert in_force(store).audio.volume == 0.25


REFUSED: dict[str, tuple[Files, str]] = {
    "empty": ({}, "no configuration found: none of kiosk.yaml, health-token, tls.crt, tls.key"),
    "empty, and says so": ({}, "it is empty"),
    "other files": ({"holiday.jpg": "", "Music/a.mp3": ""}, "it holds Music/, holiday.jpg"),
    "many files": ({f"{n:02}.jpg": "" for n in range(20)}, "06.jpg, 07.jpg and 12 more"),
    "another name": ({"config.yaml": QUIET}, "it holds config.yaml"),
    "two folders deep": ({"a/b/kiosk.yaml": QUIET}, "it holds a/"),
    "only the proof": ({"current-token": "x"}, "it holds current-token"),
    "two endings": (
        {"kiosk.yaml": QUIET, "kiosk.yml": QUIET},
        "kiosk.yaml, kiosk.yml: 2 files for kiosk.yaml; keep one",
    ),
    "a copy": ({"kiosk.yaml": QUIET, "kiosk (1).yaml": QUIET}, "kiosk (1).yaml: would not be read"),
    "kiosk.d forgotten": (
        {"kiosk.yaml": QUIET, "10-place.yaml": ""},
        "10-place.yaml: would not be read; call it kiosk.yaml or put it into kiosk.d",
    ),
    "two boards' folders": (
        {"kiosk-001/kiosk.yaml": QUIET, "kiosk-002/kiosk.yaml": QUIET},
        "several folders hold a configuration (kiosk-001/, kiosk-002/); keep one",
    ),
    "drop-ins of one name": (
        {"kiosk.d/a.yaml": QUIET, "kiosk.d/a.yml": QUIET},
        "kiosk.d/a.yaml, kiosk.d/a.yml: two files for kiosk.d/a.yaml",
    ),
    "a folder among drop-ins": ({"kiosk.d/kiosk.d/a.yaml": QUIET}, "kiosk.d/kiosk.d: is a folder"),
    "drop-ins in a file": ({"kiosk.yaml": QUIET, "kiosk.d": QUIET}, "kiosk.d: must be a folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_told_wherever_somebody_looks(
    store: Store, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    files, problem = REFUSED[name]
    before = read_config(store.config)
    told = boot(store, make_stick(tmp_path / "stick", RUBBISH | files))
    assert told.result == "refused"
    assert problem in told.problems[0]
    assert read_config(store.config) == before
    finding = ProvisioningCheck(store).run(0.0)
    assert finding.status is Status.WARN
    assert problem in finding.reasons[0].text, "in health"
    assert problem in (store.run / "config-problem").read_text(), "on the safe page"
    assert problem in caplog.text, "in the log"


UMLAUT = "M\u00fcllers J\u00e4ger.avatar"
AVATARS: dict[str, tuple[str, str]] = {
    "beside kiosk.yaml": ("me.avatar", "me.avatar"),
    "in a folder": ("avatars/me.avatar", "avatars/me.avatar"),
    "deep down": ("a/b/c/me.avatar", "a/b/c/me.avatar"),
    "a blank": ("my face.avatar", "my face.avatar"),
    "umlauts": (UMLAUT, UMLAUT),
    "umlauts, taken apart on the stick": (UMLAUT, unicodedata.normalize("NFD", UMLAUT)),
    "umlauts, taken apart in the file": (unicodedata.normalize("NFD", UMLAUT), UMLAUT),
    "umlauts in Latin 1, as FAT's driver may give them": (
        UMLAUT,
        os.fsdecode(UMLAUT.encode("latin-1")),
    ),
    "capitals": ("avatars/me.avatar", "Avatars/ME.AVATAR"),
    "as it is on the board": ("/etc/kiosk/avatars/me.avatar", "avatars/me.avatar"),
    "a dot before it": ("./me.avatar", "me.avatar"),
}


@pytest.mark.parametrize("document", ["kiosk.yaml", "kiosk.d/a.yaml"])
@pytest.mark.parametrize("name", AVATARS)
def test_an_avatar_comes_with_the_file_that_names_it(
    store: Store, tmp_path: Path, name: str, document: str
) -> None:
    written, lies = AVATARS[name]
    place = "kiosk.d/" if document != "kiosk.yaml" and not written.startswith("/") else ""
    files: Files = {document: f"avatar: {{path: '{written}'}}\n", f"{place}{lies}": b"avatar"}
    stick = make_stick(tmp_path / "stick", files)
    if place and "/" in written.removeprefix("./"):
        assert "is a folder; put its files into kiosk.d itself" in boot(store, stick).problems[0]
        return
    assert boot(store, stick).problems == ()
    assert Path(in_force(store).avatar.path).read_bytes() == b"avatar"


MISSING = {
    "forgotten": ("me.avatar", "kiosk.yaml:1: avatar.path: 'me.avatar' is neither on the stick"),
    "backslashes": ("avatars\\me.avatar", "'avatars\\me.avatar' is neither on the stick nor on"),
    "backslashes, told": ("avatars\\me.avatar", "; write / instead of \\"),
    "a drive": ("E:/me.avatar", "'E:/me.avatar' is neither"),
    "where the stick was": ("/media/stick/me.avatar", "'/media/stick/me.avatar' is neither"),
    "a folder": ("avatars", "avatars: must be a file"),
    "above": ("../me.avatar", "'../me.avatar' is neither"),
    "a link": ("link/me.avatar", "'link/me.avatar' is neither"),
}


@pytest.mark.parametrize("name", MISSING)
def test_no_stick_is_taken_without_the_avatar_that_it_names(
    store: Store, tmp_path: Path, name: str
) -> None:
    written, problem = MISSING[name]
    files: Files = {"kiosk.yaml": f"avatar: {{path: '{written}'}}\n", "avatars/me.avatar": b"x"}
    stick = make_stick(tmp_path / "stick", files)
    (stick / "link").symlink_to(stick / "avatars")
    told = boot(store, stick)
    assert told.result == "refused"
    assert problem in told.problems[0]
    assert in_force(store).avatar.path == ""


def test_an_avatar_that_the_board_has_may_be_named_alone(store: Store, tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    for path in (payload / "usr/share/a.avatar", store.root / "data/avatars/b.avatar"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    names = ("/usr/share/a.avatar", str(store.root / "data/avatars/b.avatar"))
    for number, name in enumerate(names):
        files: Files = {
            "kiosk.yaml": f"avatar: {{path: {name}}}\n",
            "current-token": token(store),
        }
        stick = make_stick(tmp_path / f"stick{number}", files)
        told = first_boot(store, DiskFiles(), None, nullcontext(stick), payload)
        assert told.problems == ()
        assert in_force(store).avatar.path == name


def test_two_files_that_fit_a_name_are_told_unless_one_fits_exactly(
    store: Store, tmp_path: Path
) -> None:
    files: Files = {
        "kiosk.yaml": "avatar: {path: me.avatar}\n",
        "Me.avatar": b"1",
        "ME.avatar": b"2",
    }
    told = boot(store, make_stick(tmp_path / "stick", files))
    assert told.problems == ("ME.avatar, Me.avatar: 2 files for me.avatar; keep one",)
    assert boot(store, make_stick(tmp_path / "stick", files | {"me.avatar": b"3"})).problems == ()
    assert (store.config / "me.avatar").read_bytes() == b"3"


def test_a_file_takes_the_place_of_a_folder_and_a_folder_that_of_a_file(
    store: Store, tmp_path: Path
) -> None:
    def bring(name: str, lies: str) -> tuple[str, ...]:
        files: Files = {
            "kiosk.yaml": f"avatar: {{path: {name}}}\n",
            lies: b"x",
            "current-token": token(store),
        }
        return boot(store, make_stick(tmp_path / "stick", files)).problems

    assert bring("faces/me.avatar", "faces/me.avatar") == ()
    [problem] = bring("faces", "faces")
    assert problem == "faces and faces/me.avatar: one name cannot be a file and a folder"
    (store.config / "faces/me.avatar").unlink()
    assert bring("faces", "faces") == ()
    assert (store.config / "faces").read_bytes() == b"x"
    (store.config / "faces").unlink()
    boot(store)
    assert bring("faces/me.avatar", "faces/me.avatar") == ()


def test_another_image_tries_anew_what_one_has_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update may bring the key that was unknown before; the stick stays plugged in."""
    stick = make_stick(tmp_path / "stick", {"kiosk.yaml": "idle: {breath: 0.5}\n"})
    with monkeypatch.context() as older:
        older.delitem(OPTIONS, "idle.breath")
        assert "idle.breath: unknown key" in boot(store, stick).problems[0]
    assert boot(store, stick).result == "refused", "the same image does not write at every start"
    (store.run / "version").write_text("0.2.0\n")
    assert boot(store, stick).result == "accepted"


NAMES = st.one_of(
    st.sampled_from(
        ["kiosk.yaml", "KIOSK.YML", "kiosk.yaml.txt", "kiosk.d", "health-token", "a.txt"]
    ),
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12
    ).filter(lambda name: name not in (".", "..")),
    st.binary(min_size=1, max_size=8)
    .filter(lambda name: not {b"/"[0], 0}.intersection(name) and name not in (b".", b".."))
    .map(os.fsdecode),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    paths=st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=6),
    named=st.one_of(st.none(), st.lists(NAMES, min_size=1, max_size=3)),
)
def test_whatever_a_stick_holds_it_is_taken_or_refused_in_words(
    store: Store, tmp_path: Path, paths: list[list[str]], named: list[str] | None
) -> None:
    stick = make_stick(tmp_path / "stick", {})
    for parts in paths:
        with contextlib.suppress(OSError):  # a file where another one needs a folder
            path = stick.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"f" * 32)
    if named is not None:
        with contextlib.suppress(OSError):
            text = json.dumps({"avatar": {"path": "/".join(named)}})
            (stick / "kiosk.yaml").write_text(text)
    with contextlib.suppress(OSError):
        (stick / "current-token").write_text(token(store))
    told = boot(store, stick)
    assert told.result in ("accepted", "refused")
    assert bool(told.problems) == (told.result == "refused")
    assert all(line.isprintable() for line in told.problems)
    avatar = in_force(store).avatar.path
    assert not avatar or Path(avatar).is_file()
