# SPDX-License-Identifier: Apache-2.0
"""Every way in which an image can be bad is refused, and by its own name."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from update_images import BOARD, KeyPair, make_image, make_keys, sign

from kioskd.update.errors import ImageError
from kioskd.update.image_format import (
    ALIGNMENT,
    MAX_IMAGE_BYTES,
    TRAILER_BYTES,
    Trailer,
    assemble,
    padded_digest,
    read_manifest,
    read_trailer,
    verify,
)
from kioskd.update.manifest import MAX_MANIFEST_BYTES, parse_manifest
from kioskd.update.signature import find_keys, key_id


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, keys: KeyPair) -> Path:
    return make_image(tmp_path_factory.mktemp("image") / "good.img", keys)


def refused(path: Path, keys: list[Path], board: str = BOARD) -> str:
    with pytest.raises(ImageError) as caught:
        verify(path, keys, board)
    assert f"[{caught.value.code}]" in str(caught.value)
    return caught.value.code


def test_a_good_image_verifies_and_tells_what_it_is(image: Path, keys: KeyPair) -> None:
    seen: list[tuple[int, int]] = []
    manifest = verify(image, [keys.public], BOARD, lambda done, total: seen.append((done, total)))
    assert (manifest.version, manifest.board, manifest.arch) == ("0.1.0", BOARD, "arm64")
    assert manifest == read_manifest(image)
    trailer = read_trailer(image)
    assert trailer.file_bytes == image.stat().st_size
    assert trailer.squashfs % ALIGNMENT == 0
    assert seen[-1] == (trailer.squashfs, trailer.squashfs)
    assert image.read_bytes().startswith(b"hsqs")


def test_a_shell_finds_the_same_parts(image: Path, keys: KeyPair, tmp_path: Path) -> None:
    """What the hook does: tail, sed, head, openssl, sha256sum."""
    script = """
        set -e; image=$1; key=$2
        line=$(tail -c 512 "$image" | head -n 1)
        field() { printf '%s' "$line" | sed -n "s/.*[ ]$1=\\([0-9]*\\).*/\\1/p"; }
        squashfs=$(field squashfs); manifest=$(field manifest); signature=$(field signature)
        tail -c +$((squashfs + 1)) "$image" | head -c "$manifest" > manifest
        tail -c +$((squashfs + manifest + 1)) "$image" | head -c "$signature" > signature
        openssl dgst -sha256 -verify "$key" -signature signature manifest >&2
        value() { sed -n "s/.*\\"$1\\":\\"\\{0,1\\}\\([^\\",}]*\\).*/\\1/p" manifest; }
        head -c "$squashfs" "$image" | sha256sum | cut -d' ' -f1
        value squashfs_sha256; value version; value board; value squashfs_bytes; value min_hook
    """
    done = subprocess.run(
        ["sh", "-c", script, "sh", image, keys.public],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = read_manifest(image)
    assert done.stdout.split() == [
        told.squashfs_sha256,
        told.squashfs_sha256,
        told.version,
        told.board,
        str(told.squashfs_bytes),
        str(told.min_hook),
    ]


def test_key_id_is_that_of_openssl(keys: KeyPair) -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", keys.public, "-outform", "DER"],
        check=True,
        capture_output=True,
    ).stdout
    digest = subprocess.run(["sha256sum"], input=der, check=True, capture_output=True).stdout
    assert key_id(keys.public) == digest[:16].decode()


def test_a_second_key_may_have_signed_it(
    image: Path, keys: KeyPair, stranger: KeyPair, tmp_path: Path
) -> None:
    for number, key in enumerate((stranger.public, keys.public)):
        (tmp_path / f"{number}.pem").write_bytes(key.read_bytes())
    assert verify(image, find_keys(tmp_path), BOARD).version == "0.1.0"


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused(
    image: Path, keys: KeyPair, tmp_path: Path, where: float, bit: int
) -> None:
    content = bytearray(image.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    bad = tmp_path / "bad.img"
    bad.write_bytes(content)
    with pytest.raises(ImageError):
        verify(bad, [keys.public], BOARD)


def test_a_flipped_byte_in_every_part_has_its_name(
    image: Path, keys: KeyPair, tmp_path: Path
) -> None:
    content = image.read_bytes()
    trailer = read_trailer(image)
    expected = {
        0: {"not_squashfs"},
        5000: {"wrong_hash"},
        trailer.squashfs - 1: {"wrong_hash"},  # in the padding
        trailer.squashfs + 60: {"wrong_signature", "bad_manifest"},
        trailer.squashfs + trailer.manifest + 20: {"wrong_signature"},
        len(content) - TRAILER_BYTES: {"truncated"},
        len(content) - 1: {"bad_trailer"},
    }
    for position, codes in expected.items():
        changed = bytearray(content)
        changed[position] ^= 0x01
        bad = tmp_path / "bad.img"
        bad.write_bytes(changed)
        assert refused(bad, [keys.public]) in codes, position


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(where=st.floats(0, 1, exclude_max=True))
def test_a_cut_anywhere_is_called_truncated(
    image: Path, keys: KeyPair, tmp_path: Path, where: float
) -> None:
    bad = tmp_path / "bad.img"
    content = image.read_bytes()
    bad.write_bytes(content[: int(where * len(content))])
    assert refused(bad, [keys.public]) == "truncated"


def test_bytes_behind_the_trailer_are_refused(image: Path, keys: KeyPair, tmp_path: Path) -> None:
    bad = tmp_path / "bad.img"
    bad.write_bytes(b"hsqs" + bytes(4092) + image.read_bytes())
    assert refused(bad, [keys.public]) == "bad_trailer"


def test_not_trusted_keys(image: Path, keys: KeyPair, stranger: KeyPair, tmp_path: Path) -> None:
    assert refused(image, [stranger.public]) == "unknown_key"
    assert refused(image, []) == "no_keys"
    foreign = make_image(tmp_path / "foreign.img", stranger)
    assert refused(foreign, [keys.public]) == "unknown_key"
    rsa = tmp_path / "rsa.pem"
    rsa.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    assert refused(image, [rsa]) == "bad_key"
    with pytest.raises(ImageError, match="no_keys"):
        find_keys(tmp_path / "nowhere")


def rebuilt(image: Path, out: Path, key: Path | None, **changes: object) -> Path:
    """The image with other values in its manifest, signed anew or (key None) not at all."""
    told = dataclasses.asdict(read_manifest(image)) | changes
    encoded = json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    signature = b"" if key is None else sign(encoded, key)
    squashfs = read_trailer(image).squashfs
    trailer = Trailer(squashfs, len(encoded), len(signature)).to_bytes()
    out.write_bytes(image.read_bytes()[:squashfs] + encoded + signature + trailer)
    return out


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"board": "rk3576"}, "wrong_board"),
        ({"name": "toaster"}, "wrong_name"),
        ({"format": 2}, "newer_format"),
        ({"format": True}, "bad_manifest"),
        ({"squashfs_bytes": 4096}, "bad_trailer"),
        ({"squashfs_sha256": "0" * 64}, "wrong_hash"),
        ({"squashfs_sha256": "0"}, "bad_manifest"),
        ({"version": "../../etc"}, "bad_manifest"),
        ({"version": 'a","board":"x'}, "bad_manifest"),
        ({"min_hook": 0}, "bad_manifest"),
        ({"files": {"board": "0" * 64}}, "bad_manifest"),
        ({"files": {"/etc/passwd": "0" * 64}}, "bad_manifest"),
        ({"files": []}, "bad_manifest"),
        ({"more": 1}, "bad_manifest"),
    ],
)
def test_a_signed_manifest_that_does_not_fit_is_refused(
    image: Path, keys: KeyPair, tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    bad = rebuilt(image, tmp_path / "bad.img", keys.private, **changes)
    assert refused(bad, [keys.public]) == code


def test_unsigned_and_signed_over_something_else(
    image: Path, keys: KeyPair, tmp_path: Path
) -> None:
    assert refused(rebuilt(image, tmp_path / "a.img", None), [keys.public]) == "unsigned"
    trailer = read_trailer(image)
    content = bytearray(image.read_bytes())
    at = trailer.squashfs + trailer.manifest
    other = sign(b"something else", keys.private)
    bad = tmp_path / "b.img"
    parts = bytes(content[:at]) + other
    bad.write_bytes(parts + Trailer(trailer.squashfs, trailer.manifest, len(other)).to_bytes())
    assert refused(bad, [keys.public]) == "wrong_signature"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]\n", b"\xff\n", b'{"format":1}\n', b"[" * 100_000, b'{"format":1e9}\n'],
)
def test_a_manifest_that_is_none(content: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        parse_manifest(content)
    assert caught.value.code == "bad_manifest"


def test_only_the_canonical_form_of_a_manifest_is_read(image: Path) -> None:
    told = json.loads(read_manifest(image).to_bytes())
    for text in (
        json.dumps(told, sort_keys=True) + "\n",
        json.dumps(told, sort_keys=True, separators=(",", ":")),
        json.dumps(dict(sorted(told.items(), reverse=True)), separators=(",", ":")) + "\n",
    ):
        with pytest.raises(ImageError, match="canonical"):
            parse_manifest(text.encode())


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"KIOSKIMG1 squashfs={MAX_IMAGE_BYTES} manifest=9 signature=72\n", "too_large"),
        (f"KIOSKIMG1 squashfs=4096 manifest={MAX_MANIFEST_BYTES + 1} signature=9\n", "too_large"),
        ("KIOSKIMG1 squashfs=8192 manifest=09 signature=72\n", "bad_trailer"),
        ("KIOSKIMG1 squashfs=4097 manifest=9 signature=72\n", "bad_trailer"),
        ("KIOSKIMG1 squashfs=4096 manifest=0 signature=72\n", "bad_trailer"),
        ("KIOSKIMG1 squashfs=4096 manifest=9 signature=9999\n", "bad_trailer"),
        ("KIOSKIMG2 squashfs=4096 manifest=9 signature=72\n", "newer_format"),
        ("KIOSKIMG1 squashfs=999424 manifest=9 signature=72\n", "truncated"),
    ],
)
def test_trailers_that_make_no_sense(keys: KeyPair, tmp_path: Path, line: str, code: str) -> None:
    bad = tmp_path / "bad.img"
    bad.write_bytes(b"hsqs" + bytes(8188) + line.encode().ljust(511) + b"\n")
    assert refused(bad, [keys.public]) == code


def test_files_that_are_no_image(keys: KeyPair, tmp_path: Path) -> None:
    assert refused(tmp_path / "missing.img", [keys.public]) == "unreadable"
    assert refused(tmp_path, [keys.public]) == "unreadable"
    other = tmp_path / "letter.txt"
    other.write_bytes(b"dear sir or madam " * 100)
    assert refused(other, [keys.public]) == "bad_trailer"


def test_assemble_refuses_parts_that_do_not_belong_together(
    image: Path, keys: KeyPair, tmp_path: Path
) -> None:
    manifest = read_manifest(image).to_bytes()
    payload = tmp_path / "payload"
    payload.write_bytes(b"hsqs another one")
    with pytest.raises(ImageError, match="wrong_hash"):
        assemble(payload, manifest, sign(manifest, keys.private), tmp_path / "out.img")
    assert padded_digest(payload)[0] == ALIGNMENT


def test_openssl_that_is_missing_has_its_own_name(
    image: Path, keys: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused(image, [keys.public]) == "no_openssl"
