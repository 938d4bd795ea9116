# SPDX-License-Identifier: Apache-2.0
"""LAM zips as the archivers and editors of the field write them are taken, within the limits."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up.lam_files import VERTICES, lam_parts, lam_zip, offset_ply

from splat_gles.avatar import Avatar
from splat_gles.errors import ImportSourceError
from splat_gles.importers.lam import import_lam
from splat_gles.importers.lam_archive import LIMITS
from splat_gles.importers.ply import read_ply

PLY = "someone/offset.ply"
TABLE = read_ply(offset_ply(), "offset.ply")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "lam.zip"


@pytest.fixture(scope="module")
def plain(scratch: Path) -> Avatar:
    return load(scratch, lam_zip(lam_parts()))


def load(path: Path, data: bytes) -> Avatar:
    path.write_bytes(data)
    return import_lam(path, name="a", licence="MIT", progress=lambda _: None)


def assert_same(read: Avatar, plain: Avatar) -> None:
    for array in ("positions", "covariances", "colors", "deltas", "skin_weights"):
        assert np.array_equal(getattr(read, array), getattr(plain, array)), array


# --- offset.ply -------------------------------------------------------------------------------


def ply(form: str, body: bytes, newline: bytes = b"\n", kind: str = "float") -> bytes:
    names = TABLE.dtype.names
    assert names
    lines = ["ply", f"format {form} 1.0", "comment end_header is further down"]
    lines += [f"element vertex {len(TABLE)}", *(f"property {kind} {name}" for name in names)]
    return newline.join(line.encode() for line in [*lines, "end_header", ""]) + body


def ascii_rows(parting: str = " ", newline: str = "\n") -> bytes:
    rows = [parting.join(map(repr, row)) for row in TABLE.tolist()]
    return newline.join([*rows, ""]).encode()


LITTLE, BIG = "binary_little_endian", "binary_big_endian"
DOUBLE = TABLE.astype([(name, ">f8") for name in TABLE.dtype.names or ()])
TAKEN_PLY = {
    "little endian, CR LF": ply(LITTLE, TABLE.tobytes(), b"\r\n"),
    "big endian": ply(BIG, TABLE.astype(TABLE.dtype.newbyteorder(">")).tobytes()),
    "big endian, doubles, CR LF": ply(BIG, DOUBLE.tobytes(), b"\r\n", "double"),
    "ASCII": ply("ascii", ascii_rows()),
    "ASCII, CR LF": ply("ascii", ascii_rows(newline="\r\n"), b"\r\n"),
    "ASCII, tabs, blank lines": ply("ascii", ascii_rows("\t", "\n\n")),
    "ASCII, no end of the last line": ply("ascii", ascii_rows().rstrip()),
    "ASCII, faces after it": ply("ascii", ascii_rows()).replace(
        b"end_header\n", b"element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    )
    + b"3 0 1 2\n",
}


@pytest.mark.parametrize("name", TAKEN_PLY)
def test_splats_in_every_form_of_ply(scratch: Path, plain: Avatar, name: str) -> None:
    assert_same(load(scratch, lam_zip(lam_parts() | {PLY: TAKEN_PLY[name]})), plain)


BAD_ASCII = {
    "a word": (ascii_rows().replace(b" ", b" x", 1), "damaged"),
    "a number too few": (ascii_rows().replace(b" ", b"_", 1), "damaged"),
    "a row too few": (ascii_rows()[: ascii_rows().rstrip().rfind(b"\n")], "39 lines follow"),
    "nothing": (b"", "only 0 bytes follow"),
    "empty lines": (b"\n" * 4000, "0 lines follow"),
    "not a number": (b"nan" + ascii_rows()[ascii_rows().find(b" ") :], "not finite"),
    "bytes": (bytes(range(256)) * 20, "lines follow|damaged"),
}


@pytest.mark.parametrize("name", BAD_ASCII)
def test_bad_ascii_numbers(scratch: Path, name: str) -> None:
    body, message = BAD_ASCII[name]
    with pytest.raises(ImportSourceError, match=message):
        load(scratch, lam_zip(lam_parts() | {PLY: ply("ascii", body)}))


@given(body=st.binary(max_size=300) | st.text("0123456789.-+einfa \t\r\n", max_size=300))
def test_any_ascii_body(body: bytes | str) -> None:
    data = body if isinstance(body, bytes) else body.encode()
    header = b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty uchar y\n"
    try:
        table = read_ply(header + b"end_header\n" + data, "a.ply")
    except ImportSourceError:
        return
    assert table.shape == (3,)


# --- the zip ----------------------------------------------------------------------------------


def zip64(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """As archivers write it that do not know the sizes beforehand, or too large ones."""
    with monkeypatch.context() as patched:
        patched.setattr(zipfile, "ZIP64_LIMIT", 1)
        patched.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        return lam_zip(parts)


def test_zip64(scratch: Path, plain: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip64(lam_parts(), monkeypatch)
    assert b"PK\x06\x06" in data
    assert b"PK\x06\x07" in data
    assert_same(load(scratch, data), plain)


def test_a_bomb_in_zip64(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportSourceError, match="too large"):
        load(scratch, zip64(lam_parts() | {"b": bytes(LIMITS.entry_bytes + 1)}, monkeypatch))


def test_too_many_files_in_zip64(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"a{number}": b"a" for number in range(LIMITS.entries)}
    with pytest.raises(ImportSourceError, match="entries, over 256"):
        load(scratch, zip64(lam_parts() | many, monkeypatch))
    long = {f"{number:0600}": b"a" for number in range(LIMITS.entries)}
    with pytest.raises(ImportSourceError, match="table of contents"):
        load(scratch, zip64(lam_parts() | long, monkeypatch))


@given(data=st.data())
def test_a_zip64_end_of_any_bytes(scratch: Path, plain: Avatar, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patched:
        whole = bytearray(zip64(lam_parts(), patched))
    end = whole.rindex(b"PK\x06\x06")
    place = data.draw(st.integers(end, len(whole) - 1))
    whole[place : place + 8] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        read = load(scratch, bytes(whole))
    except ImportSourceError:
        return
    assert_same(read, plain)


def renamed(rename: Callable[[str], str]) -> dict[str, bytes]:
    return {rename(name): data for name, data in lam_parts().items()}


LAYOUTS = {
    "no folder": renamed(lambda name: name.removeprefix("someone/")),
    "two folders": renamed(lambda name: f"export/{name}"),
    "backslashes": renamed(lambda name: name.replace("/", "\\")),
    "backslashes and a folder's entry": {"someone\\": b""}
    | renamed(lambda name: name.replace("/", "\\")),
    "a dot in front": renamed(lambda name: f"./{name}"),
    "UTF-8": renamed(lambda name: name.replace("someone", "Zoë 形象")),
    "shadows of macOS": lam_parts()
    | {
        "__MACOSX/someone/skin.glb": b"shadow",
        "export/__MACOSX/offset.ply": b"shadow",
        "someone/._offset.ply": b"shadow",
        "someone/.DS_Store": bytes(6148),
    },
    "rubbish of Windows": lam_parts() | {"someone/Thumbs.db": b"", "someone/desktop.ini": b""},
    "names that lead out of the folder": renamed(lambda name: f"../../{name}"),
    "names from the root": renamed(lambda name: f"/{name}"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_files_in_whatever_folder(tmp_path: Path, plain: Avatar, name: str) -> None:
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    assert_same(load(folder / "lam.zip", lam_zip(LAYOUTS[name])), plain)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [folder / "lam.zip"], "nothing is ever unpacked to disk"


def test_names_in_a_code_page_of_old(scratch: Path, plain: Avatar) -> None:
    """As archivers write them that neither know UTF-8 nor say so."""
    data = lam_zip(renamed(lambda name: name.replace("someone", "Zo@")))
    assert_same(load(scratch, data.replace(b"Zo@", b"Zo\x89")), plain)


def test_slashes_of_both_kinds_do_not_hide_a_second_file(scratch: Path) -> None:
    twice = lam_parts() | {"someone\\offset.ply": offset_ply()}
    with pytest.raises(ImportSourceError, match="appears twice"):
        load(scratch, lam_zip(twice))


def test_a_locked_zip_asks_for_one_without_a_password(scratch: Path) -> None:
    data = bytearray(lam_zip(lam_parts()))
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ImportSourceError, match="without a password"):
        load(scratch, bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_method_asks_for_an_ordinary_zip(scratch: Path, method: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in lam_parts().items():
            archive.writestr(name, data)
    with pytest.raises(ImportSourceError, match="pack it again as an ordinary ZIP"):
        load(scratch, stream.getvalue())


def test_only_what_is_truly_damaged_is_copied_again(scratch: Path) -> None:
    whole = lam_zip(lam_parts())
    with pytest.raises(ImportSourceError, match="its end is missing; copy or make it again"):
        load(scratch, whole[: len(whole) // 2])
    start = whole.find(b"PK\x01\x02")
    bad = whole[: start + 16] + struct.pack("<I", 1) + whole[start + 20 :]
    with pytest.raises(ImportSourceError, match=r"CRC.*copy or make it again"):
        load(scratch, bad)


def test_every_splat_is_read(plain: Avatar) -> None:
    assert plain.splats == VERTICES - 2
