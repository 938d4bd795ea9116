# SPDX-License-Identifier: Apache-2.0
"""Avatar bundles: one `*.avatar` file with everything that drawing a person needs.

A ZIP of `manifest.json` and one entry per array (raw little-endian numbers). Writing is
deterministic: fixed times, sorted names. Reading verifies before use: sizes and counts against
their limits, every array against its sha256, the whole avatar against what the renderer relies
on. Anything that is wrong raises BundleError and leaves no half avatar behind.

Parts for N splats of which the first T are moved by B blendshapes, J joints, F frames; value =
stored * scale + offset with both from the manifest:

    positions             uint16  (N,3)    metres, steps over the bounding box
    cholesky              float16 (N,6)    l00 l10 l11 l20 l21 l22 of the covariance, millimetres
    colors                uint8   (N,4)    display red, green, blue, and opacity, 0 to 1
    deltas                int16   (B,T,3)  metres
    skin_joints           uint8   (N,4)    indices of joints
    skin_weights          uint16  (N,4)    0 to 1, of sum 1
    clips/NAME/weights    float16 (F,B)    mostly 0 to 1
    clips/NAME/rotations  float16 (F,J,3)  axis-angle, radians

Measured on two LAM avatars of 20,018 splats: 1.2 MB (limit of the product: 5 MB), read and
verified in 0.06 s on a desktop core.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from splat_gles.avatar import Avatar, Clip, Float32
from splat_gles.bundle_archive import MEGABYTE, Archive, ArchiveLimits
from splat_gles.bundle_check import check_avatar
from splat_gles.bundle_parts import covariances_of, decode_part, encode_parts
from splat_gles.errors import BundleError
from splat_gles.foreign_files import foreign_archive
from splat_gles.manifest import (
    MAX_CLIPS,
    ClipEntry,
    Manifest,
    Part,
    decode_manifest,
    encode_manifest,
)

LIMITS = ArchiveLimits(
    file_bytes=32 * MEGABYTE,
    entry_bytes=96 * MEGABYTE,
    total_bytes=128 * MEGABYTE,
    entries=7 + 2 * MAX_CLIPS,
)
_MANIFEST = "manifest.json"
_MAX_MANIFEST = MEGABYTE


def write_bundle(avatar: Avatar, path: Path | str, *, source: str) -> None:
    """Write `avatar` to `path`, replacing it at once or not at all.

    `source` tells in a sentence what it was made from. Raises BundleError where the avatar is
    not valid, does not fit the limits or the file cannot be written.
    """
    path = Path(path)
    check_avatar(avatar, f"{path}: cannot write")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(_entries(avatar, source, str(path)).items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, data)
    if stream.tell() > LIMITS.file_bytes:
        raise BundleError(f"{path}: bundle of {stream.tell():,} bytes is over the limit")
    _replace(path, stream.getvalue())


def read_bundle(path: Path | str) -> Avatar:
    """Read and verify a bundle. Raises BundleError for anything that is wrong with it."""
    archive = _open(path)
    manifest = _manifest(archive, str(path))
    arrays = {name: _array(archive, name, part, path) for name, part in manifest.parts.items()}
    avatar = Avatar(
        name=manifest.name,
        licence=manifest.licence,
        parameter_space=manifest.parameter_space,
        framing=manifest.framing,
        positions=arrays["positions"],
        covariances=covariances_of(arrays["cholesky"]),
        colors=np.minimum(arrays["colors"], np.float32(1.0)),
        blendshapes=manifest.blendshapes,
        deltas=arrays["deltas"],
        joints=manifest.joints,
        skin_joints=arrays["skin_joints"].astype(np.uint8),
        skin_weights=arrays["skin_weights"],
        clips={entry.name: _clip(entry, arrays) for entry in manifest.clips},
        gaze=manifest.gaze,
        voice=manifest.voice,
    )
    check_avatar(avatar, str(path))
    return avatar


def read_manifest(path: Path | str) -> tuple[Manifest, dict[str, int]]:
    """The manifest, and the compressed bytes of every entry; the arrays stay unread."""
    archive = _open(path)
    sizes = {name: archive.compressed_size(name) for name in archive.names}
    return _manifest(archive, str(path)), sizes


def _entries(avatar: Avatar, source: str, where: str) -> dict[str, bytes]:
    parts, entries = {}, {}
    for name, encoded in encode_parts(avatar).items():
        data = entries[name] = encoded.stored.tobytes()
        parts[name] = Part(
            dtype=encoded.stored.dtype.name,
            shape=encoded.stored.shape,
            scale=encoded.scale,
            offset=encoded.offset,
            sha256=hashlib.sha256(data).hexdigest(),
        )
    manifest = Manifest(
        name=avatar.name,
        licence=avatar.licence,
        source=source,
        parameter_space=avatar.parameter_space,
        gaze=avatar.gaze,
        splats=avatar.splats,
        touched=avatar.deltas.shape[1],
        framing=avatar.framing,
        blendshapes=avatar.blendshapes,
        joints=avatar.joints,
        clips=tuple(ClipEntry(c.name, c.rate, c.frames, c.loop) for c in avatar.clips.values()),
        parts=parts,
        voice=avatar.voice,
    )
    entries[_MANIFEST] = encode_manifest(manifest)
    # A bundle that the reader would refuse is never written.
    decode_manifest(entries[_MANIFEST], f"{where}: cannot write")
    return entries


def _open(path: Path | str) -> Archive:
    return Archive(Path(path), LIMITS, BundleError)


def _manifest(archive: Archive, where: str) -> Manifest:
    if _MANIFEST not in archive.names:
        if any(name.endswith("skin.glb") for name in archive.names):
            made = "`python -m splat_gles import` makes a bundle of it"
            raise BundleError(f"{where}: this is a LAM avatar; {made}")
        kind = foreign_archive(archive.names) or f"a zip without {_MANIFEST}"
        raise BundleError(f"{where}: this is {kind}; it is not an avatar bundle")
    if archive.size(_MANIFEST) > _MAX_MANIFEST:
        raise BundleError(f"{where}: {_MANIFEST} is over {_MAX_MANIFEST:,} bytes")
    manifest = decode_manifest(archive.read(_MANIFEST), where)
    odd = set(archive.names) - set(manifest.parts) - {_MANIFEST}
    if odd:
        raise BundleError(f"{where}: {min(odd)!r} is in the file but not in its manifest")
    return manifest


def _array(archive: Archive, name: str, part: Part, path: Path | str) -> Float32:
    dtype = np.dtype(part.dtype).newbyteorder("<")
    count = int(np.prod(part.shape, dtype=np.int64))
    if name in archive.names and archive.size(name) != count * dtype.itemsize:
        raise BundleError(
            f"{path}: part {name} has {archive.size(name):,} bytes, "
            f"its shape calls for {count * dtype.itemsize:,}; copy or make the file again"
        )
    data = archive.read(name)
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise BundleError(f"{path}: part {name} does not match its sha256; copy the file again")
    stored = np.frombuffer(data, dtype=dtype).reshape(part.shape)
    return decode_part(stored, part.scale, part.offset)


def _clip(entry: ClipEntry, arrays: dict[str, Float32]) -> Clip:
    prefix = f"clips/{entry.name}"
    weights, rotations = arrays[f"{prefix}/weights"], arrays[f"{prefix}/rotations"]
    return Clip(entry.name, entry.rate, weights, rotations, entry.loop)


def _replace(path: Path, data: bytes) -> None:
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                os.fchmod(stream.fileno(), 0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as cause:
        raise BundleError(f"{path}: cannot be written: {cause.strerror or cause}") from cause
