# SPDX-License-Identifier: Apache-2.0
"""Every way that a bundle can be bad gives a BundleError that names the file, and no avatar."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_up.lam_files import lam_parts, lam_zip
from made_up_avatar import make_avatar

from splat_gles.avatar import Avatar, Clip, Joint
from splat_gles.bundle import LIMITS, read_bundle, write_bundle
from splat_gles.errors import BundleError

Manifest = dict[str, Any]
Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "good.avatar"
    write_bundle(make_avatar(30), path, source="made up")
    return path.read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "bad.avatar"


def unpack(data: bytes) -> tuple[Manifest, Parts]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(parts.pop("manifest.json")), parts


def pack(manifest: Any, parts: Parts, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, data in parts.items():
            archive.writestr(name, data)
    return stream.getvalue()


def assert_bad(path: Path, data: bytes, message: str | None = None) -> None:
    path.write_bytes(data)
    with pytest.raises(BundleError, match=message) as caught:
        read_bundle(path)
    assert str(path) in str(caught.value)


def same(a: Avatar, b: Avatar) -> bool:
    return all(
        np.array_equal(getattr(a, field.name), getattr(b, field.name))
        if isinstance(getattr(a, field.name), np.ndarray)
        else field.name == "clips" or getattr(a, field.name) == getattr(b, field.name)
        for field in dataclasses.fields(a)
    )


def test_the_repacked_bundle_is_good(good: bytes, scratch: Path) -> None:
    """What the tests below change is the only thing that is wrong with their bundles."""
    scratch.write_bytes(pack(*unpack(good)))
    assert read_bundle(scratch).splats == 30


# --- the file ---------------------------------------------------------------------------------


def test_truncated_at_every_length(good: bytes, scratch: Path) -> None:
    step = max(1, len(good) // 400)
    for length in [*range(0, len(good), step), *range(len(good) - 60, len(good))]:
        assert_bad(scratch, good[:length])


def test_truncated_at_every_entry(good: bytes, scratch: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        starts = [entry.header_offset for entry in archive.infolist()]
        starts.append(archive.start_dir)
    for start in starts:
        for length in (start, start + 1, start + 30):
            assert_bad(scratch, good[:length])


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_flipped_bit(good: bytes, scratch: Path, data: st.DataObject) -> None:
    """A flipped bit is found, or it lies where nothing of the avatar is kept (ZIP's times)."""
    place = data.draw(st.integers(0, len(good) * 8 - 1))
    bad = bytearray(good)
    bad[place // 8] ^= 1 << place % 8
    scratch.write_bytes(bad)
    try:
        read = read_bundle(scratch)
    except BundleError:
        return
    scratch.write_bytes(good)
    assert same(read, read_bundle(scratch))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_overwritten_stretch(good: bytes, scratch: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(good) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=64))
    bad = (good[:start] + junk + good[start + len(junk) :])[: len(good)]
    scratch.write_bytes(bad)
    try:
        read = read_bundle(scratch)
    except BundleError:
        return
    scratch.write_bytes(good)
    assert same(read, read_bundle(scratch))


@settings(max_examples=100, deadline=None)
@given(junk=st.binary(max_size=400))
@example(junk=b"PK\x05\x06" + bytes(18))
@example(junk=b"PK\x03\x04" + bytes(40))
def test_any_other_file(scratch: Path, junk: bytes) -> None:
    assert_bad(scratch, junk)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        read_bundle(tmp_path / "none.avatar")


def test_a_folder_and_a_device(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Is a directory"):
        read_bundle(tmp_path)
    with pytest.raises(BundleError, match="not a regular file"):
        read_bundle(Path("/dev/zero"))


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.avatar"
    with path.open("wb") as stream:
        os.ftruncate(stream.fileno(), LIMITS.file_bytes + 1)
    with pytest.raises(BundleError, match="too large"):
        read_bundle(path)


# --- the ZIP ----------------------------------------------------------------------------------


def test_a_bomb_by_its_entry(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    parts["positions"] = bytes(LIMITS.entry_bytes + 1)
    assert_bad(scratch, pack(manifest, parts), "too large")


def test_a_bomb_by_the_sum_of_its_entries(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    parts |= {name: bytes(LIMITS.total_bytes // 2) for name in ("positions", "deltas", "colors")}
    assert_bad(scratch, pack(manifest, parts), "too large")


def test_a_bomb_below_the_limits_is_larger_than_its_shape(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    parts["positions"] = bytes(50_000_000)
    assert_bad(scratch, pack(manifest, parts), "its shape calls for 180")


def test_a_bomb_that_lies_about_its_size(good: bytes, scratch: Path) -> None:
    """The directory declares the right size, the stream goes on."""
    manifest, parts = unpack(good)
    right = len(parts["positions"])
    parts["positions"] = bytes(5_000_000)
    bad = pack(manifest, parts)
    assert_bad(scratch, bad.replace(struct.pack("<I", 5_000_000), struct.pack("<I", right)))


def test_a_bomb_by_its_manifest(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    manifest["padding"] = "x" * 2_000_000
    assert_bad(scratch, pack(manifest, parts), "manifest.json is over")


def test_too_many_entries(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    few = {f"extra/{n}": b"" for n in range(LIMITS.entries)}
    assert_bad(scratch, pack(manifest, parts | few), "entries")
    many = {f"extra/{n}": b"" for n in range(3000)}
    assert_bad(scratch, pack(manifest, parts | many), "table of contents")


def test_an_entry_twice(good: bytes, scratch: Path) -> None:
    scratch.write_bytes(good)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(scratch, "a") as archive,
    ):
        archive.writestr("colors", b"")
    assert_bad(scratch, scratch.read_bytes(), "twice")


def test_an_unknown_compression(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert_bad(scratch, pack(manifest, parts, method), "packed by a method")


def test_an_encrypted_entry(good: bytes, scratch: Path) -> None:
    bad = bytearray(good)
    entry = bad.find(b"PK\x01\x02")
    bad[entry + 8] |= 1
    bad[6] |= 1
    assert_bad(scratch, bytes(bad), "locked")


def test_a_zip64_end_that_leads_elsewhere(good: bytes, scratch: Path) -> None:
    end = good.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)
    assert_bad(scratch, good[:end] + locator + good[end:], "ZIP64 end is not where")


def test_a_zip64_table_of_contents_that_says_it_is_huge(good: bytes, scratch: Path) -> None:
    end = good.rindex(b"PK\x05\x06")
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, 1 << 40, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    assert_bad(scratch, good[:end] + record + locator + good[end:], "oversized")


def test_what_is_no_bundle_is_called_by_its_name(scratch: Path) -> None:
    assert_bad(scratch, b"\x89PNG\r\n\x1a\n" + bytes(40), "this is a picture")
    assert_bad(scratch, lam_zip(lam_parts()), "this is a LAM avatar; .*splat_gles import")


@pytest.mark.parametrize("part", ["positions", "deltas", "clips/idle/weights"])
def test_a_missing_part(good: bytes, scratch: Path, part: str) -> None:
    manifest, parts = unpack(good)
    del parts[part]
    assert_bad(scratch, pack(manifest, parts), "missing")


def test_a_part_that_the_manifest_does_not_know(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    assert_bad(scratch, pack(manifest, parts | {"virus": b"x"}), "'virus' is in the file")


def test_another_zip(scratch: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert_bad(scratch, stream.getvalue(), "not an avatar bundle")


# --- the manifest -----------------------------------------------------------------------------


def test_manifest_that_is_no_json(good: bytes, scratch: Path) -> None:
    _, parts = unpack(good)
    for text in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("manifest.json", text)
            for name, data in parts.items():
                archive.writestr(name, data)
        assert_bad(scratch, stream.getvalue(), "not JSON")


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_manifest_that_is_no_object(good: bytes, scratch: Path, value: object) -> None:
    assert_bad(scratch, pack(value, unpack(good)[1]), "object")


def test_a_newer_version(good: bytes, scratch: Path) -> None:
    """Told as such, whatever else the newer manifest holds."""
    _, parts = unpack(good)
    newer = {"format": "splat_gles avatar", "version": 3, "surprise": True}
    assert_bad(scratch, pack(newer, parts), "newer than 2.*update")


def change(*path: object) -> Callable[[Manifest], None]:
    *keys, last, value = path

    def apply(manifest: Manifest) -> None:
        place: Any = manifest
        for key in keys:
            place = place[key]
        place[last] = value

    return apply


VOICE = {"language": "en-US", "sex": "female", "pitch": 195.0}
BAD_VOICES = {
    "none": None,
    "text": "female",
    "language missing": {"sex": "female", "pitch": 195.0},
    "language a word": {**VOICE, "language": "English, please"},
    "language with terminal codes": {**VOICE, "language": "\x1b[2J"},
    "sex": {**VOICE, "sex": "robot"},
    "pitch low": {**VOICE, "pitch": 5.0},
    "pitch NaN": {**VOICE, "pitch": float("nan")},
    "pitch text": {**VOICE, "pitch": "195"},
    "a key more": {**VOICE, "name": "slt"},
}


@pytest.mark.parametrize("voice", BAD_VOICES.values(), ids=list(BAD_VOICES))
def test_a_bad_voice_is_refused(good: bytes, scratch: Path, voice: object) -> None:
    manifest, parts = unpack(good)
    assert_bad(scratch, pack({**manifest, "version": 2, "voice": voice}, parts), "voice")


BAD_MANIFESTS = {
    "format": change("format", "zip"),
    "version 0": change("version", 0),
    "version true": change("version", True),
    "version text": change("version", "1"),
    "name empty": change("name", ""),
    "name number": change("name", 3),
    "name long": change("name", "x" * 1000),
    "name with terminal codes": change("name", "\x1b[2J"),
    "name with half a surrogate": change("name", "\ud800"),
    "licence": change("licence", None),
    "source": change("source", []),
    "parameter space": change("parameter_space", "flame2"),
    "gaze": change("gaze", "nose"),
    "no splats": change("splats", 0),
    "negative splats": change("splats", -1),
    "too many splats": change("splats", 300_001),
    "splats broken": change("splats", 1.5),
    "splats that the parts have not": change("splats", 31),
    "more touched than splats": change("touched", 31),
    "touched that the deltas have not": change("touched", 19),
    "version 2 without its voice": change("version", 2),
    "voice in version 1": change("voice", VOICE),
    "framing text": change("framing", "bust"),
    "framing width zero": change("framing", "width", 0),
    "framing width infinite": change("framing", "width", float("inf")),
    "framing width NaN": change("framing", "width", float("nan")),
    "framing target short": change("framing", "target", [0, 1]),
    "framing target NaN": change("framing", "target", [0, 1, float("nan")]),
    "blendshapes text": change("blendshapes", "jawOpen"),
    "blendshapes of numbers": change("blendshapes", list(range(10))),
    "blendshapes too many": change("blendshapes", [f"b{n}" for n in range(200)]),
    "blendshapes short": change("blendshapes", ["jawOpen"]),
    "blendshapes same": change("blendshapes", ["jawOpen"] * 10),
    "no joints": change("joints", []),
    "joints of texts": change("joints", ["root"] * 5),
    "joints of the same name": change("joints", 1, "name", "root"),
    "joint its own parent": change("joints", 0, "parent", 0),
    "joint before its parent": change("joints", 1, "parent", 2),
    "joint parent below": change("joints", 1, "parent", -2),
    "joint position": change("joints", 1, "position", [0, 0, "0"]),
    "joint far away": change("joints", 1, "position", [0, 0, 101]),
    "too many joints": change("joints", [{"name": "a", "parent": -1, "position": [0, 0, 0]}] * 65),
    "clip name with a path": change("clips", 0, "name", "../idle"),
    "clip name other": change("clips", 0, "name", "other"),
    "clip rate": change("clips", 0, "rate", 0),
    "clip frames none": change("clips", 0, "frames", 0),
    "clip frames too many": change("clips", 0, "frames", 1_000_000),
    "clip frames other": change("clips", 0, "frames", 13),
    "clip loop": change("clips", 0, "loop", 1),
    "unknown key": change("colour", "red"),
    "parts list": change("parts", []),
    "parts none": change("parts", {}),
    "part dtype": change("parts", "positions", "dtype", "int16"),
    "part dtype object": change("parts", "positions", "dtype", "object"),
    "part shape": change("parts", "positions", "shape", [90]),
    "part shape negative": change("parts", "positions", "shape", [-30, -3]),
    "part shape huge": change("parts", "positions", "shape", [1 << 62, 3]),
    "part scale zero": change("parts", "positions", "scale", 0),
    "part scale NaN": change("parts", "positions", "scale", float("nan")),
    "part scale huge": change("parts", "positions", "scale", 1e4),
    "part offset short": change("parts", "positions", "offset", [1, 2]),
    "part offset text": change("parts", "positions", "offset", "1"),
    "part sha256 wrong": change("parts", "positions", "sha256", "0" * 64),
    "part sha256 short": change("parts", "positions", "sha256", "0"),
    "part sha256 missing": lambda manifest: manifest["parts"]["positions"].pop("sha256"),
    "name missing": lambda manifest: manifest.pop("name"),
    "two clips of one name": lambda manifest: manifest["clips"].append(manifest["clips"][0]),
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_bad_manifests(good: bytes, scratch: Path, name: str) -> None:
    manifest, parts = unpack(good)
    BAD_MANIFESTS[name](manifest)
    assert_bad(scratch, pack(manifest, parts))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), value=JSON)
def test_any_value_anywhere_in_the_manifest(
    good: bytes, scratch: Path, data: st.DataObject, value: object
) -> None:
    manifest, parts = unpack(good)
    place: Any = manifest
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    scratch.write_bytes(pack(manifest, parts))
    try:
        read = read_bundle(scratch)
    except BundleError:
        return
    assert read.splats == 30


# --- the arrays, with hashes that fit ---------------------------------------------------------


def repack(good: bytes, part: str, array: np.ndarray) -> bytes:
    manifest, parts = unpack(good)
    parts[part] = array.tobytes()
    manifest["parts"][part]["sha256"] = hashlib.sha256(parts[part]).hexdigest()
    return pack(manifest, parts)


@pytest.mark.parametrize(
    ("part", "array", "message"),
    [
        ("skin_joints", np.full((30, 4), 5, "u1"), "joint 5 of 5"),
        ("skin_weights", np.zeros((30, 4), "<u2"), "sum to 1"),
        ("skin_weights", np.full((30, 4), 0xFFFF, "<u2"), "sum to 1"),
        ("cholesky", np.full((30, 6), np.nan, "<f2"), "not finite"),
        ("cholesky", np.full((30, 6), np.inf, "<f2"), "not finite"),
        ("clips/idle/rotations", np.full((12, 5, 3), np.nan, "<f2"), "not finite"),
        ("clips/idle/weights", np.full((12, 10), np.inf, "<f2"), "not finite"),
        ("positions", np.zeros((29, 3), "<u2"), "its shape calls for"),
        ("positions", np.zeros((0, 3), "<u2"), "its shape calls for"),
    ],
)
def test_bad_arrays(good: bytes, scratch: Path, part: str, array: np.ndarray, message: str) -> None:
    assert_bad(scratch, repack(good, part, array), message)


def test_an_array_changed_behind_its_hash(good: bytes, scratch: Path) -> None:
    manifest, parts = unpack(good)
    parts["colors"] = bytes(len(parts["colors"]))
    assert_bad(scratch, pack(manifest, parts), "colors does not match its sha256")


# --- avatars that must not be written ---------------------------------------------------------


AVATAR = make_avatar(30)
CLIP = AVATAR.clips["idle"]
BAD_AVATARS = {
    "no splats": {"positions": np.zeros((0, 3), np.float32)},
    "flat positions": {"positions": np.zeros((30, 2), np.float32)},
    "centimetres": {"positions": AVATAR.positions * 100},
    "covariances short": {"covariances": AVATAR.covariances[:-1]},
    "negative variance": {"covariances": -AVATAR.covariances},
    "colors of 8 bits": {"colors": AVATAR.colors * 255},
    "colors NaN": {"colors": AVATAR.colors * np.float32(np.nan)},
    "deltas of two axes": {"deltas": AVATAR.deltas[:, :, :2]},
    "deltas flat": {"deltas": AVATAR.deltas[0]},
    "deltas for more than all": {"deltas": np.zeros((10, 31, 3), np.float32)},
    "deltas far": {"deltas": AVATAR.deltas + 200},
    "skin joint out of range": {"skin_joints": np.full((30, 4), 5, np.uint8)},
    "skin weights negative": {"skin_weights": AVATAR.skin_weights - 0.5},
    "names twice": {"blendshapes": ("a",) * 10},
    "joint loop": {"joints": (Joint("root", 0, (0, 0, 0)), *AVATAR.joints[1:])},
    "joint NaN": {"joints": (Joint("root", -1, (0, 0, float("nan"))), *AVATAR.joints[1:])},
    "no joint": {"joints": ()},
    "name empty": {"name": ""},
    "gaze": {"gaze": "nose"},
    "space": {"parameter_space": "smpl"},
    "square millimetres": {"covariances": AVATAR.covariances * 1e6},
    "no eyes to turn": {
        "joints": tuple(dataclasses.replace(j, name=f"my {j.name}") for j in AVATAR.joints)
    },
    "no gaze to turn them by": {"blendshapes": tuple(f"b{n}" for n in range(10))},
    "clip in degrees": {
        "clips": {"idle": dataclasses.replace(CLIP, rotations=CLIP.rotations * 180)}
    },
    "clip misfiled": {"clips": {"other": CLIP}},
    "clip weights": {"clips": {"idle": dataclasses.replace(CLIP, weights=CLIP.weights[:, :3])}},
    "clip rotations": {"clips": {"idle": dataclasses.replace(CLIP, rotations=CLIP.weights)}},
    "clip NaN": {"clips": {"idle": dataclasses.replace(CLIP, weights=CLIP.weights * np.nan)}},
    "clip rate": {"clips": {"idle": dataclasses.replace(CLIP, rate=0.0)}},
    "clip empty": {
        "clips": {"idle": Clip("idle", 1.0, CLIP.weights[:0], CLIP.rotations[:0], True)}
    },
    "clip name": {"clips": {"a/b": dataclasses.replace(CLIP, name="a/b")}},
    "clips many": {"clips": {f"c{n}": dataclasses.replace(CLIP, name=f"c{n}") for n in range(33)}},
}


@pytest.mark.parametrize("name", BAD_AVATARS)
def test_bad_avatars_are_not_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.avatar"
    with pytest.raises(BundleError, match="cannot write"):
        write_bundle(dataclasses.replace(AVATAR, **BAD_AVATARS[name]), path, source="made up")
    assert not path.exists()
