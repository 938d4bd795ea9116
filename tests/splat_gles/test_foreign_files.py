# SPDX-License-Identifier: Apache-2.0
"""Whatever people try to import that is no LAM avatar is called by its name, and what it lacks."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up.lam_files import animation_glb, lam_zip, offset_ply, skin_glb
from made_up.plugin import FIELD
from made_up_avatar import make_avatar

from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.errors import BundleError, ImportSourceError
from splat_gles.foreign_files import foreign_archive, foreign_beginning
from splat_gles.importers.lam import import_lam

NO_RIG, NO_SPLATS, NEITHER = "which has no rig", "which has no splats", "neither splats nor a rig"
TAKEN = "import takes the zip of a LAM avatar, with skin.glb, offset.ply and animation.glb"
BASE = ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity")
SHAPE = ("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3")


def splat_ply(*more: str, rest: int = 0, form: str = "binary_little_endian") -> bytes:
    names = (*BASE, *(f"f_rest_{number}" for number in range(rest)), *SHAPE, *more)
    lines = ["ply", f"format {form} 1.0", "comment a garden", "element vertex 3"]
    lines += [f"property float {name}" for name in names] + ["end_header", ""]
    return "\n".join(lines).encode() + bytes(4 * 3 * len(names))


def compressed_ply() -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", "element chunk 1"]
    lines += [f"property float {way}_{axis}" for way in ("min", "max") for axis in "xyz"]
    lines += ["element vertex 256"]
    lines += [f"property uint packed_{name}" for name in ("position", "rotation", "scale", "color")]
    return "\n".join([*lines, "end_header", ""]).encode() + bytes(24 + 16 * 256)


def mesh_ply(faces: bool) -> bytes:
    lines = ["ply", "format ascii 1.0", "element vertex 1", *(f"property float {a}" for a in "xyz")]
    lines += ["element face 1", "property list uchar int vertex_indices"] if faces else []
    return "\r\n".join([*lines, "end_header", "0 0 0", ""]).encode()


def glb(**document: object) -> bytes:
    text = json.dumps({"asset": {"version": "2.0"}, **document}).encode()
    text += b" " * (-len(text) % 4)
    chunk = struct.pack("<I4s", len(text), b"JSON") + text
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk


def packed(entries: dict[str, bytes]) -> bytes:
    return lam_zip(entries)


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, expr=np.zeros((4, 100)), jaw_pose=np.zeros((4, 3)))
    return stream.getvalue()


def picture() -> bytes:
    stream = io.BytesIO()
    pygame.image.save(pygame.Surface((2, 2)), stream, "a.png")
    return stream.getvalue()


def tar(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("someone/skin.glb"))
    return bytes(stream.getvalue())


SPLATS = np.random.default_rng(1).bytes(32 * 20)
SOG = {"meta.json": b'{"means": {}, "quats": {}}', "means_l.webp": b"", "means_u.webp": b""}
VRM = {"extensions": {"VRM": {"specVersion": "0.0"}}, "meshes": []}
FOREIGN = {
    # Splats without a rig
    **{
        f"degree{n}.ply": (splat_ply(rest=3 * ((n + 1) ** 2 - 1)), f"degree {n}.*{NO_RIG}")
        for n in range(5)
    },
    "ascii.ply": (splat_ply(form="ascii"), f"splats .PLY.*{NO_RIG}"),
    "bigendian.ply": (splat_ply(form="binary_big_endian"), f"splats .PLY.*{NO_RIG}"),
    "supersplat.compressed.ply": (compressed_ply(), f"compressed PLY.*{NO_RIG}"),
    "4dgs.ply": (splat_ply("t", "scale_t", "rot_r_0"), f"a moving scene .*{NO_RIG}"),
    "spacetime.ply": (splat_ply("trbf_center", "motion_0"), f"a moving scene .*{NO_RIG}"),
    "a.splat": (SPLATS, f"splats .\\.splat.*{NO_RIG}"),
    "a.splatv": (b"Kg\0\0" + bytes(60), f"a moving scene .*{NO_RIG}"),
    "a.ksplat": (b"\0\1" + bytes(4094), f"\\.ksplat.*{NO_RIG}"),
    "ksplat-by-content": (b"\0\1\0\0" + bytes(5000), f"\\.ksplat.*{NO_RIG}"),
    "v2.spz": (gzip.compress(b"NGSP\2\0\0\0" + bytes(50)), f"SPZ.*{NO_RIG}"),
    "v4.spz": (b"NGSP\4\0\0\0" + bytes(50), f"SPZ.*{NO_RIG}"),
    "a.sog": (packed(SOG), f"SOG.*{NO_RIG}"),
    "meta.json": (SOG["meta.json"], f"SOG.*{NO_RIG}"),
    "splats.glb": (glb(extensionsUsed=["KHR_gaussian_splatting"]), f"splats .glTF.*{NO_RIG}"),
    "a.lcc": (b"\1\2\3\4", f"LCC.*{NO_RIG}"),
    # Models without splats
    "a.glb": (glb(meshes=[]), f"binary glTF.*{NO_SPLATS}"),
    "a.vrm": (glb(**VRM), f"VRM.*{NO_SPLATS}"),
    "vrm-by-content.glb": (glb(**VRM), f"VRM.*{NO_SPLATS}"),
    "vrm1.glb": (glb(extensions={"VRMC_vrm": {}}), f"VRM.*{NO_SPLATS}"),
    "a.gltf": (b'{"asset": {"version": "2.0"}, "nodes": []}', f"glTF.*{NO_SPLATS}"),
    "bom.gltf": (b'\xef\xbb\xbf{\n "asset": {}, "scenes": []}', f"glTF.*{NO_SPLATS}"),
    "a.fbx": (b"Kaydara FBX Binary  \0\x1a\0" + bytes(40), f"FBX.*{NO_SPLATS}"),
    "ascii.fbx": (b"; FBX 7.7.0 project file\n", f"FBX.*{NO_SPLATS}"),
    "a.obj": (b"# Blender\n\n\nmtllib a.mtl\no Cube\nv 1 1 1\n", f"OBJ.*{NEITHER}"),
    "obj-by-content": (b"v 1 1 1\nv 0 0 0\n", f"OBJ.*{NEITHER}"),
    "empty-lines.obj": (b"\n" * 100_000, f"OBJ.*{NEITHER}"),
    "a.blend": (b"BLENDER-v405" + bytes(40), f"Blender.*{NO_SPLATS}"),
    "old.blend": (gzip.compress(b"BLENDER-v279" + bytes(99)), f"Blender.*{NO_SPLATS}"),
    "a.stl": (b"solid a\n facet normal 0 0 1\n", f"STL.*{NEITHER}"),
    "a.dae": (b'<?xml version="1.0"?>\n<COLLADA xmlns="x">', f"COLLADA.*{NO_SPLATS}"),
    "a.usdc": (b"PXR-USDC" + bytes(80), f"USD.*{NO_SPLATS}"),
    "a.usdz": (packed({"a.usdc": b"PXR-USDC"}), f"USD.*{NO_SPLATS}"),
    "mesh.ply": (mesh_ply(faces=True), f"a mesh .PLY.*{NEITHER}"),
    "points.ply": (mesh_ply(faces=False), f"a cloud of points .PLY.*{NEITHER}"),
    # Numbers
    "flame.npz": (npz(), f"numpy arrays, such as FLAME.*{NEITHER}"),
    "a.npy": (b"\x93NUMPY\1\0", f"numpy.*{NEITHER}"),
    "generic_model.pkl": (pickle.dumps({"f": 1}, 2), f"pickle, such as FLAME.*{NEITHER}"),
    "a.pkl": (pickle.dumps({"f": 1}, 5), f"pickle.*{NEITHER}"),
    "oldest.pkl": (pickle.dumps({"f": 1}, 0), f"pickle.*{NEITHER}"),
    "a.pth": (packed({"archive/data.pkl": b"", "archive/data/0": b""}), f"PyTorch.*{NEITHER}"),
    "a.safetensors": (struct.pack("<Q", 2) + b'{"a":1}', f"safetensors.*{NEITHER}"),
    "clip.json": (b'{"names": ["jawOpen"], "frames": []}', f"JSON.*{NEITHER}"),
    # Pictures and sounds
    "me.png": (picture(), f"a picture.*{NEITHER}"),
    "me.jpg": (b"\xff\xd8\xff\xe0" + bytes(40), f"a picture.*{NEITHER}"),
    "me.heic": (b"\0\0\0\x18ftypheic" + bytes(40), f"a picture.*{NEITHER}"),
    "me.webp": (b"RIFF\1\0\0\0WEBPVP8 ", f"a picture.*{NEITHER}"),
    "me.mp4": (b"\0\0\0\x18ftypisom" + bytes(40), f"a video.*{NEITHER}"),
    "me.wav": (b"RIFF\1\0\0\0WAVEfmt ", f"a sound.*{NEITHER}"),
    # Other containers, and what came in the file's place
    "a.tar": (tar("w"), "a tar.*pack what is in it as a zip"),
    "a.tar.gz": (tar("w:gz"), "a tar.*pack what is in it as a zip"),
    "a.7z": (b"7z\xbc\xaf\x27\x1c" + bytes(40), "7-Zip.*pack what is in it as a zip"),
    "a.rar": (b"Rar!\x1a\x07\x01\0", "RAR.*pack what is in it as a zip"),
    "lam.zip": (b"\n<!DOCTYPE html>\n<html>", "a web page.*look at the address"),
    "lfs.zip": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "empty.zip": (b"", "an empty file; copy it again"),
    "notes.txt": (b"hello", "not a ZIP file"),
    "damaged.zip": (b"\0\0" + bytes(40), "not the ZIP file that its name says; copy it again"),
    "damaged.avatar": (b"\0\0" + bytes(40), "not the ZIP file that its name says; copy it again"),
    "photos.zip": (packed({"me.jpg": b""}), f"a zip with .me.jpg. in it: a picture.*{NEITHER}"),
    "model.zip": (packed({"a/a.vrm": b"", "a/b.txt": b""}), f"a zip with .a/a.vrm. .*{NO_SPLATS}"),
    "scene.zip": (packed({"point_cloud.ply": b""}), f"a zip with .point_cloud.ply. .*{NO_RIG}"),
    "twice.zip": (packed({"lam.zip": b""}), "a zip with .lam.zip. in it; unpack it"),
    "texts.zip": (packed({"a.txt": b""}), "a zip of something else"),
    # Single files of the zip that is wanted
    "skin.glb": (skin_glb(), "this is one file of a LAM avatar"),
    "offset.ply": (offset_ply(), "this is one file of a LAM avatar"),
    "animation.glb": (animation_glb(), "this is one file of a LAM avatar"),
}


def refusal(path: Path) -> str:
    with pytest.raises(ImportSourceError) as caught:
        import_lam(path, name="a", licence="MIT", progress=lambda _: None)
    return str(caught.value)


@pytest.mark.parametrize("name", FOREIGN)
def test_it_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    data, message = FOREIGN[name]
    path = tmp_path / name
    path.write_bytes(data)
    told = refusal(path)
    assert told.startswith(f"{path}: this is ")
    assert told.endswith(f"; {TAKEN}")
    damaged = name.startswith(("empty.", "damaged."))
    assert ("again" in told) == damaged, "another copy would not help"
    with pytest.raises(ImportSourceError, match=message):
        raise ImportSourceError(told)


def test_the_name_may_be_written_large(tmp_path: Path) -> None:
    path = tmp_path / "A.SPLAT"
    path.write_bytes(SPLATS)
    assert NO_RIG in refusal(path)


def test_a_scene_that_is_far_too_large_is_named_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "garden.ply"
    with path.open("wb") as stream:
        stream.write(splat_ply(rest=45))
        stream.truncate(1 << 31)
    assert "degree 3" in refusal(path)


def test_a_folder_is_to_be_packed(tmp_path: Path) -> None:
    assert "a folder; pack it as a zip" in refusal(tmp_path)


def test_a_bundle_needs_no_import(tmp_path: Path) -> None:
    path = tmp_path / "a.avatar"
    write_bundle(make_avatar(), path, source="made up")
    assert "an avatar bundle, which is what import makes: it is ready for use" in refusal(path)


def test_at_the_command_line_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.vrm").write_bytes(glb(**VRM))
    command = [sys.executable, "-m", "splat_gles", "import", "a.vrm"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: a.vrm: this is a VRM model, which has no splats; import")
    assert [path.name for path in tmp_path.iterdir()] == ["a.vrm"]


COMMON = ("degree3.ply", "a.splat", "a.sog", "a.vrm", "me.png", "flame.npz")


@pytest.mark.parametrize("name", COMMON)
def test_the_kiosk_calls_them_by_name_too(tmp_path: Path, name: str) -> None:
    """`avatar.path`, `info` and `render` read bundles."""
    path = tmp_path / name
    path.write_bytes(FOREIGN[name][0])
    with pytest.raises(BundleError, match=r"this is .*(rig|splats)"):
        read_bundle(path)


@pytest.mark.field
@pytest.mark.parametrize("name", ["inria_sh3.ply", "antimatter.splat", "mk.ksplat", "niantic.spz"])
def test_files_that_people_sent_are_refused_by_name(name: str) -> None:
    told = refusal(FIELD / name)
    assert NO_RIG in told or NO_SPLATS in told
    assert told.endswith(f"; {TAKEN}")


@given(
    data=st.binary(max_size=600) | st.sampled_from([data for data, _ in FOREIGN.values()]),
    length=st.integers(0, 600),
    suffix=st.sampled_from(["", ".ply", ".splat", ".vrm", ".avatar", ".zip"]),
)
def test_any_beginning_has_a_name(data: bytes, length: int, suffix: str) -> None:
    assert foreign_beginning(data[:length], suffix) or data.startswith(b"PK")


@given(names=st.lists(st.text(max_size=12) | st.sampled_from(["a.ply", "b/c.npy", "\n.zip"])))
def test_any_names_in_a_zip(names: list[str]) -> None:
    assert (foreign_archive(tuple(names)) or "").isprintable()
