# SPDX-License-Identifier: Apache-2.0
"""Tells by its first bytes what a file is that is neither an avatar nor a LAM zip.

Who has splats of a garden or a dancing model tries them, and "damaged, copy it again" would send
them for another copy of a file that is whole. So what is known is refused by its name, with what
an avatar needs and it has not. Nothing is read but the beginning: no format is checked, and what
is wrong inside of one is left to the programs that it belongs to. Where a format has no first
bytes of its own (.splat), the file's name decides.

Answers are the end of a sentence that starts with "this is".
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from splat_gles.regular_file import open_regular

HEAD: Final = 1 << 20
"""Bytes that are looked at: headers of PLY files and of most glTF files are far shorter."""

_NO_RIG: Final = ", which has no rig (joints and blendshapes) to speak with"
_NO_SPLATS: Final = ", which has no splats"
_NEITHER: Final = ", which has neither splats nor a rig"
_PACKED: Final = "; unpack it, and pack what is in it as a zip"

_BY_BEGINNING: Final = (
    (rb"glTF", ""),
    (rb"ply\r?\n", ""),
    (rb"NGSP", ".spz"),
    (rb"Kg\0\0", ".splatv"),
    (rb"\x00[\x01-\x09]\x00\x00(?s:.{4092})", ".ksplat"),
    (rb"Kaydara FBX Binary|; FBX ", ".fbx"),
    (rb"BLENDER", ".blend"),
    (rb"PXR-USDC|#usda ", ".usd"),
    (rb"(?s:.{0,200})<COLLADA", ".dae"),
    (rb"solid [^\n]*\n\s*facet", ".stl"),
    (rb"\x93NUMPY", ".npy"),
    (rb"\x80[\x02-\x05](?:\x95|[\x28\x4b\x5d\x63\x7d\x8a])", ".pkl"),
    (rb"(?s:.{5})\0\0\0\{\"", ".safetensors"),
    (rb"\x89HDF\r\n", ".h5"),
    (rb"\x89PNG\r\n", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"GIF8", ".gif"),
    (rb"RIFF(?s:.{4})WEBP", ".webp"),
    (rb"II\*\0|MM\0\*", ".tif"),
    (rb"BM(?s:.{4})\0\0\0\0", ".bmp"),
    (rb"(?s:.{4})ftyp(?:heic|heix|mif1|msf1|avif)", ".heic"),
    (rb"(?s:.{4})ftyp|\x1aE\xdf\xa3|RIFF(?s:.{4})AVI ", ".mp4"),
    (rb"RIFF(?s:.{4})WAVE|ID3|OggS|fLaC", ".wav"),
    (rb"%PDF", ".pdf"),
    (rb"7z\xbc\xaf", ".7z"),
    (rb"Rar!\x1a", ".rar"),
    (rb"\xfd7zXZ|BZh[1-9]|\x28\xb5\x2f\xfd|(?s:.{257})ustar", ".tar"),
    (rb"\x1f\x8b", ".gz"),
    (rb"version https://git-lfs", ".lfs"),
    (rb"\s*<(?:!doctype html|html)", ".html"),
)
"""Beginnings, and the ending of a file's name that stands for each in the table below."""

_BY_ENDING: Final = {
    ".spz": "a scene of splats (SPZ)" + _NO_RIG,
    ".splat": "a scene of splats (.splat)" + _NO_RIG,
    ".splatv": "a moving scene of splats (.splatv)" + _NO_RIG,
    ".ksplat": "a scene of splats (.ksplat)" + _NO_RIG,
    ".sog": "a scene of splats (SOG)" + _NO_RIG,
    ".lcc": "a scene of splats (LCC)" + _NO_RIG,
    ".rad": "a scene of splats (RAD)" + _NO_RIG,
    ".spx": "a scene of splats (SPX)" + _NO_RIG,
    ".ply": "splats, points or a mesh (PLY)" + _NO_RIG,
    ".glb": "a model (binary glTF)" + _NO_SPLATS,
    ".gltf": "a model (glTF)" + _NO_SPLATS,
    ".vrm": "a VRM model" + _NO_SPLATS,
    ".fbx": "an FBX model" + _NO_SPLATS,
    ".obj": "an OBJ model" + _NEITHER,
    ".mtl": "the materials of an OBJ model" + _NEITHER,
    ".stl": "an STL model" + _NEITHER,
    ".dae": "a COLLADA model" + _NO_SPLATS,
    ".blend": "a Blender file" + _NO_SPLATS,
    ".usd": "a USD model" + _NO_SPLATS,
    ".npy": "a file with an array of numpy" + _NEITHER,
    ".npz": "a file of numpy arrays, such as FLAME's parameters" + _NEITHER,
    ".pkl": "a Python pickle, such as FLAME's model" + _NEITHER,
    ".pth": "a checkpoint of PyTorch" + _NEITHER,
    ".safetensors": "weights of a network (safetensors)" + _NEITHER,
    ".h5": "an HDF5 file" + _NEITHER,
    ".png": "a picture" + _NEITHER,
    ".mp4": "a video" + _NEITHER,
    ".wav": "a sound" + _NEITHER,
    ".pdf": "a PDF" + _NEITHER,
    ".json": "a JSON file" + _NEITHER,
    ".html": "a web page, which came in the file's place; look at the address it was loaded from",
    ".lfs": "a pointer of Git LFS and not the file; `git lfs pull` fetches that",
    ".7z": "an archive of 7-Zip" + _PACKED,
    ".rar": "a RAR archive" + _PACKED,
    ".tar": "a tar or a packed file" + _PACKED,
}
_SAME: Final = {
    **dict.fromkeys((".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".heic"), ".png"),
    **dict.fromkeys((".usda", ".usdc", ".usdz"), ".usd"),
    **dict.fromkeys((".pickle", ".p"), ".pkl"),
    **dict.fromkeys((".pt", ".ckpt"), ".pth"),
    **dict.fromkeys((".gz", ".tgz", ".xz", ".bz2", ".zst"), ".tar"),
    **dict.fromkeys((".mov", ".webm", ".mkv", ".avi"), ".mp4"),
    **dict.fromkeys((".mp3", ".flac", ".ogg", ".opus"), ".wav"),
    ".htm": ".html",
}
_BUNDLE: Final = "an avatar bundle, which is what import makes: it is ready for use"
_GAUSSIAN_PLY: Final = {"f_dc_0", "opacity", "scale_0", "rot_0"}
_MOVING_PLY: Final = ("scale_t", "rot_r_0", "trbf_center", "motion_0")


def foreign_file(path: Path) -> str | None:
    """What the file is; None for a zip. Raises OSError where it cannot be read."""
    with open_regular(path) as stream:
        return foreign_beginning(stream.read(HEAD), path.suffix)


def foreign_beginning(head: bytes, suffix: str) -> str | None:
    """What a file is that begins so, HEAD bytes of it at most, and whose name ends so.

    None where it begins as a ZIP file.
    """
    if not head:
        return "an empty file; copy it again, whole"
    if head.startswith(b"PK"):
        return None
    ending = _same(suffix)
    if ending in (".splat", ".ksplat"):
        # No byte of a .splat tells it from chance
        return _BY_ENDING[ending]
    for beginning, kind in _BY_BEGINNING:
        if re.match(beginning, head, re.IGNORECASE if kind == ".html" else 0):
            if kind == ".gz":
                return _gzip(head)
            return _BY_ENDING[_same(kind)] if kind else _ply(head) or _gltf(head, ending)
    if ending in (".avatar", ".zip"):
        return "not the ZIP file that its name says; copy it again"
    return _json(head) or _obj(head) or _BY_ENDING.get(ending, "not a ZIP file")


def foreign_archive(names: tuple[str, ...]) -> str | None:
    """What a zip with entries of these names is; None where they do not tell."""
    files = {PurePosixPath(name).name for name in names}
    endings = [PurePosixPath(name).suffix.lower() for name in names]
    if {"manifest.json", "positions"} <= files:
        return _BUNDLE
    if "meta.json" in files and any(name.startswith("means_l.") for name in files):
        return _BY_ENDING[".sog"]
    if "data.pkl" in files:
        return _BY_ENDING[".pth"]
    if endings and set(endings) == {".npy"}:
        return _BY_ENDING[".npz"]
    for name, ending in zip(names, endings, strict=True):
        if ending == ".zip":
            return f"a zip with {name!r} in it; unpack it and give that one"
        if ending in (".usd", ".usda", ".usdc"):
            return _BY_ENDING[".usd"]
    for name, ending in zip(names, endings, strict=True):
        inner = _BY_ENDING.get(_same(ending))
        if inner and ending not in (".json", ".html"):
            return f"a zip with {name!r} in it: {inner}"
    return None


def _same(suffix: str) -> str:
    return _SAME.get(suffix.lower(), suffix.lower())


def _ply(head: bytes) -> str | None:
    if not head.startswith(b"ply"):
        return None
    header = re.split(rb"\nend_header", head, maxsplit=1)[0]
    names = {name.decode("ascii", "replace") for name in re.findall(rb"property .* (\S+)", header)}
    if "packed_position" in names:
        return "a scene of splats (compressed PLY)" + _NO_RIG
    if not names >= _GAUSSIAN_PLY:
        kind = "a mesh" if b"element face" in header else "a cloud of points"
        return f"{kind} (PLY){_NEITHER}"
    if names.intersection(_MOVING_PLY):
        return "a moving scene of splats (PLY)" + _NO_RIG
    rest = sum(name.startswith("f_rest_") for name in names)
    degree = round((rest / 3 + 1) ** 0.5) - 1
    return f"a scene of splats (PLY, spherical harmonics of degree {degree}){_NO_RIG}"


def _gltf(head: bytes, ending: str) -> str:
    if ending == ".vrm" or b'"VRMC_vrm"' in head or b'"VRM"' in head:
        return _BY_ENDING[".vrm"]
    if b'"KHR_gaussian_splatting' in head:
        return "a scene of splats (glTF)" + _NO_RIG
    return _BY_ENDING[".gltf" if head.lstrip().startswith(b"{") else ".glb"]


def _gzip(head: bytes) -> str:
    """SPZ up to version 3 and Blender's older files are packed with gzip as a whole."""
    try:
        inner = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 16)
    except zlib.error:
        inner = b""
    for start, ending in ((b"NGSP", ".spz"), (b"BLENDER", ".blend")):
        if inner.startswith(start):
            return _BY_ENDING[ending]
    return _BY_ENDING[".tar"]


def _json(head: bytes) -> str | None:
    if not re.match(rb"(?:\xef\xbb\xbf)?\s*[\[{]\s*[\"\[{\]}\d-]", head):
        return None
    if b'"means"' in head and b'"quats"' in head:
        return "the index of a scene of splats (SOG)" + _NO_RIG
    if b'"asset"' in head and re.search(rb'"(?:meshes|nodes|scenes|buffers)"', head):
        return _gltf(head, "")
    return _BY_ENDING[".json"]


def _obj(head: bytes) -> str | None:
    lines = (line.strip() for line in head[:65536].splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return _BY_ENDING[".obj"] if re.match(rb"(?:mtllib|o|g|vn?) \S", first) else None
