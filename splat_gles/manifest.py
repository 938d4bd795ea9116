# SPDX-License-Identifier: Apache-2.0
"""The manifest of an avatar bundle: what is in it, and how to check every byte of it.

A JSON document. Each array part has its dtype, shape, sha256 of the uncompressed little-endian
bytes and the line back to physical units: value = stored * scale + offset. Counts are bounded
here, before any array is allocated. Unknown keys are errors: within one format version there
are none, and a newer version is refused as such. Version 2 has `voice` and is written only where
there is one, so that older software goes on reading everything else.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass

from splat_gles.avatar import Framing, Joint
from splat_gles.errors import BundleError
from splat_gles.manifest_table import Table
from splat_gles.voice import SEXES, Voice

FORMAT = "splat_gles avatar"
VERSION = 2
_WITHOUT_VOICE = 1

MAX_SPLATS = 300_000
MAX_BLENDSHAPES = 128
MAX_JOINTS = 64
MAX_CLIPS = 32
MAX_FRAMES = 20_000

PARAMETER_SPACES = ("arkit",)
GAZES = ("blendshapes", "joints")

LEAST_PITCH, MOST_PITCH = 50.0, 500.0
"""Hz: the means of a deep man and of a small child lie well within."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_CLIP_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One array: numpy dtype name, shape, line to units, hash of the uncompressed bytes."""

    dtype: str
    shape: tuple[int, ...]
    scale: float
    offset: tuple[float, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """A clip's name, frames a second, number of frames and whether it loops."""

    name: str
    rate: float
    frames: int
    loop: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of a bundle but its arrays. `touched` splats come first and have deltas."""

    name: str
    licence: str
    source: str
    parameter_space: str
    gaze: str
    splats: int
    touched: int
    framing: Framing
    blendshapes: tuple[str, ...]
    joints: tuple[Joint, ...]
    clips: tuple[ClipEntry, ...]
    parts: dict[str, Part]
    voice: Voice | None = None

    @property
    def version(self) -> int:
        """Of the format: the oldest that holds this much."""
        return _WITHOUT_VOICE if self.voice is None else VERSION

    def expected_parts(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name to (dtype, shape) of every part that this manifest's counts call for."""
        shapes, splats = len(self.blendshapes), self.splats
        expected: dict[str, tuple[str, tuple[int, ...]]] = {
            "positions": ("uint16", (splats, 3)),
            "cholesky": ("float16", (splats, 6)),
            "colors": ("uint8", (splats, 4)),
            "deltas": ("int16", (shapes, self.touched, 3)),
            "skin_joints": ("uint8", (splats, 4)),
            "skin_weights": ("uint16", (splats, 4)),
        }
        for clip in self.clips:
            expected[f"clips/{clip.name}/weights"] = ("float16", (clip.frames, shapes))
            expected[f"clips/{clip.name}/rotations"] = (
                "float16",
                (clip.frames, len(self.joints), 3),
            )
        return expected


def encode_manifest(manifest: Manifest) -> bytes:
    """JSON, indented for people, keys sorted so that equal avatars give equal bytes."""
    document = {"format": FORMAT, "version": manifest.version, **asdict(manifest)}
    if manifest.voice is None:
        del document["voice"]
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def decode_manifest(data: bytes, where: str) -> Manifest:
    """Parse and check; raises BundleError with `where` and the key that is wrong."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as cause:
        raise BundleError(f"{where}: manifest.json is not JSON: {cause}") from cause
    table = Table(document, where, "manifest.json")
    if table.raw("format") != FORMAT:
        raise BundleError(f"{where}: not an avatar bundle (format {table.raw('format')!r})")
    version = table.whole("version", 1, 1 << 30)
    if version > VERSION:
        raise BundleError(
            f"{where}: format version {version} is newer than {VERSION}, the newest that this "
            "software reads; update the software or export the avatar again"
        )
    shapes = tuple(table.texts("blendshapes", MAX_BLENDSHAPES))
    splats = table.whole("splats", 1, MAX_SPLATS)
    manifest = Manifest(
        name=table.text("name"),
        licence=table.text("licence"),
        source=table.text("source"),
        parameter_space=table.choice("parameter_space", PARAMETER_SPACES),
        gaze=table.choice("gaze", GAZES),
        splats=splats,
        touched=table.whole("touched", 0, splats),
        framing=_framing(table.table("framing")),
        blendshapes=shapes,
        joints=tuple(_joint(entry) for entry in table.tables("joints", MAX_JOINTS)),
        clips=tuple(_clip(entry) for entry in table.tables("clips", MAX_CLIPS)),
        parts=_parts(table),
        voice=_voice(table.table("voice")) if version > _WITHOUT_VOICE else None,
    )
    known = {"format", "version", *asdict(manifest)}
    table.finish(known if version > _WITHOUT_VOICE else known - {"voice"})
    _check_parts(manifest, where)
    return manifest


def _parts(table: Table) -> dict[str, Part]:
    parts = table.table("parts")
    if len(parts.keys) > 6 + 2 * MAX_CLIPS:
        raise table.wrong("parts", "an object with one entry for each part")
    return {name: _part(parts.table(name)) for name in parts.keys}


def _part(table: Table) -> Part:
    shape = table.raw("shape")
    good = isinstance(shape, list) and 1 <= len(shape) <= 3
    if not good or not all(type(n) is int and 0 <= n <= MAX_SPLATS for n in shape):
        raise table.wrong("shape", f"one to three whole numbers up to {MAX_SPLATS}")
    digest = table.text("sha256")
    if not _SHA256.fullmatch(digest):
        raise table.wrong("sha256", "64 hexadecimal digits")
    scale = table.number("scale", math.ulp(0.0), 1e6)
    return Part(table.text("dtype"), tuple(shape), scale, table.numbers("offset"), digest)


def _framing(table: Table) -> Framing:
    return Framing(table.point("target"), table.number("width", 1e-3, 1e3))


def _voice(table: Table) -> Voice:
    language = table.text("language")
    if not _LANGUAGE.fullmatch(language):
        raise table.wrong("language", "a language's tag such as en-US, de or fr-CA")
    pitch = table.number("pitch", LEAST_PITCH, MOST_PITCH)
    voice = Voice(language, table.choice("sex", SEXES), pitch)
    table.finish(asdict(voice))
    return voice


def _joint(table: Table) -> Joint:
    return Joint(table.text("name"), table.whole("parent", -1, MAX_JOINTS), table.point("position"))


def _clip(table: Table) -> ClipEntry:
    name = table.text("name")
    if not _CLIP_NAME.fullmatch(name):
        raise table.wrong("name", "letters, digits, _ and -, at most 40")
    return ClipEntry(
        name,
        table.number("rate", 1.0, 240.0),
        table.whole("frames", 1, MAX_FRAMES),
        table.flag("loop"),
    )


def _check_parts(manifest: Manifest, where: str) -> None:
    expected = manifest.expected_parts()
    if len(expected) != 6 + 2 * len(manifest.clips):
        raise BundleError(f"{where}: two clips of the same name; make the bundle again")
    if set(expected) != set(manifest.parts):
        odd = sorted(set(expected) ^ set(manifest.parts))
        raise BundleError(f"{where}: parts missing or unknown: {', '.join(odd[:5])}")
    for name, (dtype, shape) in expected.items():
        part = manifest.parts[name]
        if part.dtype != dtype or part.shape != shape:
            raise BundleError(
                f"{where}: part {name} is {part.dtype}{list(part.shape)}, "
                f"its counts call for {dtype}{list(shape)}; make the bundle again"
            )
        if part.offset and len(part.offset) != shape[-1]:
            raise BundleError(f"{where}: part {name}: offset needs {shape[-1]} numbers")
