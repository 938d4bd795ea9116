# SPDX-License-Identifier: Apache-2.0
"""Every way that a LAM zip can be bad gives an ImportSourceError that names the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up.lam_files import animation_glb, lam_parts, lam_zip, offset_ply, skin_glb

from splat_gles.avatar import Avatar
from splat_gles.errors import ImportSourceError
from splat_gles.importers.lam import import_lam
from splat_gles.importers.lam_archive import LIMITS

SKIN, PLY, ANIMATION = "someone/skin.glb", "someone/offset.ply", "someone/animation.glb"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "bad.zip"


def load(path: Path, data: bytes) -> Avatar:
    path.write_bytes(data)
    return import_lam(path, name="a", licence="MIT", progress=lambda _: None)


def assert_bad(path: Path, parts: dict[str, bytes], message: str | None = None) -> None:
    with pytest.raises(ImportSourceError, match=message) as caught:
        load(path, lam_zip(lam_parts() | parts))
    assert str(path) in str(caught.value)


def test_unchanged_it_is_good(scratch: Path) -> None:
    assert load(scratch, lam_zip(lam_parts())).splats == 38


def test_no_zip(scratch: Path) -> None:
    for data in (b"", b"hello", lam_zip(lam_parts())[:-30]):
        with pytest.raises(ImportSourceError):
            load(scratch, data)


@pytest.mark.parametrize("part", [SKIN, PLY, ANIMATION])
def test_a_missing_part(scratch: Path, part: str) -> None:
    parts = lam_parts()
    del parts[part]
    with pytest.raises(ImportSourceError, match="is missing"):
        load(scratch, lam_zip(parts))


def test_two_avatars_in_one_zip(scratch: Path) -> None:
    assert_bad(scratch, {"other/skin.glb": skin_glb()}, "there 2 times")


def test_a_bomb(scratch: Path) -> None:
    assert_bad(scratch, {"bomb": bytes(LIMITS.entry_bytes + 1)}, "too large")


@pytest.mark.parametrize("part", [SKIN, PLY, ANIMATION])
def test_a_part_truncated_anywhere(scratch: Path, part: str) -> None:
    whole = lam_parts()[part]
    for length in [*range(0, len(whole), max(1, len(whole) // 40)), len(whole) - 1]:
        assert_bad(scratch, {part: whole[:length]})


@pytest.mark.parametrize("part", [SKIN, PLY, ANIMATION])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_part_with_any_bytes_changed(scratch: Path, part: str, data: st.DataObject) -> None:
    """Damage before zipping, so that the CRC fits: a named error, or an avatar all the same."""
    whole = lam_parts()[part]
    start = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=8))
    bad = (whole[:start] + junk + whole[start + len(junk) :])[: len(whole)]
    try:
        avatar = load(scratch, lam_zip(lam_parts() | {part: bad}))
    except ImportSourceError:
        return
    assert np.isfinite(avatar.positions).all()
    assert np.isfinite(avatar.covariances).all()


# --- offset.ply -------------------------------------------------------------------------------


def text(old: bytes, new: bytes) -> bytes:
    ply = offset_ply()
    assert old in ply
    return ply.replace(old, new)


def column(name: str, value: float) -> bytes:
    def edit(table: np.ndarray) -> None:
        table[name][3] = value

    return offset_ply(edit)


def all_transparent(table: np.ndarray) -> None:
    table["opacity"] = -20.0


BAD_PLY = {
    "no ply": (b"plx" + offset_ply()[3:], "not a PLY"),
    "no end": (text(b"end_header", b"end_footer"), "no end"),
    "called ascii": (text(b"binary_little_endian", b"ascii"), "lines follow|damaged"),
    "called big endian": (text(b"little", b"big"), "not finite|beyond 1 m"),
    "another format": (text(b"binary_little_endian", b"binary_middle_endian"), "middle_endian"),
    "no format": (text(b"format binary_little_endian 1.0\n", b""), "format ''"),
    "faces first": (text(b"element vertex", b"element face"), "'face'"),
    "no vertices": (text(b"vertex 40", b"vertex 0"), "no vertices"),
    "negative": (text(b"vertex 40", b"vertex -1"), "not understood"),
    "more than follow": (text(b"vertex 40", b"vertex 3999999"), "bytes follow"),
    "too many": (text(b"vertex 40", b"vertex 999999999"), "the most is 4,000,000"),
    "far too many": (text(b"vertex 40", b"vertex 99999999999"), "not understood"),
    "a list": (text(b"property float nx", b"property list uchar int nx"), "not understood"),
    "unknown type": (text(b"float nx", b"half nx"), "not understood"),
    "property twice": (text(b"float nx", b"float ny"), "named twice"),
    "no opacity": (text(b"float opacity", b"float transparence"), "opacity is missing"),
    "fewer than vertices": (offset_ply(count=39), "39 splats .* 40 vertices"),
    "more than vertices": (offset_ply(count=41), "41 splats .* 40 vertices"),
    "NaN": (column("f_dc_1", np.nan), "not finite"),
    "infinite": (column("scale_2", np.inf), "not finite"),
    "offset in centimetres": (column("y", 160.0), "beyond 1 m"),
    "all transparent": (offset_ply(all_transparent), "transparent"),
}


@pytest.mark.parametrize("name", BAD_PLY)
def test_bad_offset_ply(scratch: Path, name: str) -> None:
    data, message = BAD_PLY[name]
    assert_bad(scratch, {PLY: data}, message)


def test_a_rotation_of_no_length(scratch: Path) -> None:
    def edit(table: np.ndarray) -> None:
        for part in range(4):
            table[f"rot_{part}"][3] = 0.0

    assert_bad(scratch, {PLY: offset_ply(edit)}, "rotation of zero length")


# --- skin.glb ---------------------------------------------------------------------------------


def header(place: int, value: bytes) -> bytes:
    glb = bytearray(skin_glb())
    glb[place : place + len(value)] = value
    return bytes(glb)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a binary glTF"),
        (header(0, b"glTX"), "not a binary glTF"),
        (header(4, struct.pack("<I", 1)), "version 1"),
        (header(8, struct.pack("<I", 99)), "announced"),
        (header(12, struct.pack("<I", 1 << 31)), "ends early"),
        (header(16, b"JSOX"), "no JSON"),
        (header(20, b"]"), "JSON is damaged"),
    ],
)
def test_bad_glb_headers(scratch: Path, data: bytes, message: str) -> None:
    assert_bad(scratch, {SKIN: data}, message)


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    *keys, last, value = path

    def edit(document: dict[str, Any]) -> None:
        place: Any = document
        for key in keys:
            place = place[key]
        place[last] = value

    return edit


MESH = ("meshes", 0)
PRIMITIVE = (*MESH, "primitives", 0)
BAD_SKINS = {
    "no mesh": (put("meshes", []), "no skinned mesh"),
    "no accessors": (put("accessors", []), "accessor 0"),
    "no names": (put(*MESH, "extras", {}), "no skinned mesh"),
    "too few names": (put(*MESH, "extras", "targetNames", ["a"]), "2 blendshapes, 1 names"),
    "names twice": (put(*MESH, "extras", "targetNames", ["a", "a"]), "same name"),
    "no targets": (put(*PRIMITIVE, "targets", []), "0 blendshapes"),
    "no weights": (put(*PRIMITIVE, "attributes", {"POSITION": 0}), "no skinned mesh"),
    "positions negative": (put(*PRIMITIVE, "attributes", "POSITION", -1), "not an index"),
    "positions as weights": (put(*PRIMITIVE, "attributes", "POSITION", 2), "does not fit|differ"),
    "weights as positions": (put(*PRIMITIVE, "attributes", "WEIGHTS_0", 0), "differ"),
    "weights that are indices": (put(*PRIMITIVE, "attributes", "WEIGHTS_0", 1), "sum to 1"),
    "target of another mesh": (put("accessors", 3, "count", 39), "does not fit"),
    "accessor count": (put("accessors", 0, "count", 10**12), "count"),
    "accessor type": (put("accessors", 0, "type", "VEC9"), "VEC9"),
    "accessor component": (put("accessors", 0, "componentType", 1), "accessor 0"),
    "accessor beyond its view": (put("accessors", 0, "byteOffset", 8), "beyond its buffer view"),
    "accessor before its view": (put("accessors", 0, "byteOffset", -8), "not an index"),
    "view beyond the file": (put("bufferViews", 0, "byteOffset", 10**9), "beyond the file"),
    "view in another file": (put("bufferViews", 0, "buffer", 1), "outside of the file"),
    "stride of nothing": (put("bufferViews", 0, "byteStride", 0), "beyond"),
    "sparse index": (put("accessors", 3, "count", 10), "sparse index"),
    "sparse count": (put("accessors", 3, "sparse", "count", 10**9), "beyond"),
    "no skin": (put("skins", []), "damaged skin"),
    "bones missing": (put("skins", 0, "joints", [0, 1]), "bones that the skin lacks"),
    "bones of no node": (put("skins", 0, "joints", [0, 1, 2, 3, 99]), "damaged"),
    "bones without matrices": (put("skins", 0, "inverseBindMatrices", 0), "bones that the skin"),
    "no head": (put("nodes", 3, "name", "hat"), "neck or a head"),
    "no lower neck": (put("nodes", 1, "name", "throat"), "no bone neckLower"),
    "blendshapes of nothing": (
        put(*PRIMITIVE, "targets", [{"POSITION": 5}] * 2),
        "no blendshape",
    ),
    "tree in a circle": (put("nodes", 4, "children", [5]), "cycle"),
    "nodes of texts": (put("nodes", ["a"] * 6), "damaged node tree"),
}


@pytest.mark.parametrize("name", BAD_SKINS)
def test_bad_skins(scratch: Path, name: str) -> None:
    edit, message = BAD_SKINS[name]
    assert_bad(scratch, {SKIN: skin_glb(edit)}, message)


# --- animation.glb ----------------------------------------------------------------------------

FIRST = ("animations", 0, "samplers", 0)
BAD_ANIMATIONS = {
    "none": (put("animations", []), "no idle"),
    "no list": (put("animations", 3), "no animations"),
    "no idle": (put("animations", 0, "name", "x_dance"), "no idle"),
    "no head": (put("nodes", 3, "name", "hat"), "no animations"),
    "cubic splines": (put(*FIRST, "interpolation", "CUBICSPLINE"), "CUBICSPLINE"),
    "keys differ in number": (put(*FIRST, "output", 0), "damaged|out of order"),
    "no such sampler": (put("animations", 0, "channels", 0, "sampler", 7), "damaged animation"),
    "times run backwards": (put(*FIRST, "input", 1), "out of order|damaged"),
    "rotation of no length": (put("nodes", 5, "rotation", [0, 0, 0, 0]), "no length"),
    "rotation of three": (put("nodes", 5, "rotation", [0, 0, 0]), "rotation is"),
    "scale text": (put("nodes", 5, "scale", ["a", "b", "c"]), "could not convert"),
    "flat": (put("nodes", 5, "scale", [0, 0, 0]), "no size"),
    "NaN": (put("nodes", 5, "translation", [0, 0, float("nan")]), "translation is"),
}


@pytest.mark.parametrize("name", BAD_ANIMATIONS)
def test_bad_animations(scratch: Path, name: str) -> None:
    edit, message = BAD_ANIMATIONS[name]
    assert_bad(scratch, {ANIMATION: animation_glb(edit)}, message)


# --- anywhere in the JSON ---------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(("part", "write"), [(SKIN, skin_glb), (ANIMATION, animation_glb)])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_in_the_gltf(
    scratch: Path, part: str, write: Callable[..., bytes], data: st.DataObject
) -> None:
    def edit(document: dict[str, Any]) -> None:
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 5)) == 0:
                break
            place = inner
        place[key] = data.draw(JSON | st.integers(-2, 50))

    try:
        avatar = load(scratch, lam_zip(lam_parts() | {part: write(edit)}))
    except ImportSourceError as error:
        message = str(error)
    else:
        message = str(scratch)
        assert np.isfinite(avatar.positions).all()
        assert all(np.isfinite(clip.rotations).all() for clip in avatar.clips.values())
    assert str(scratch) in message
