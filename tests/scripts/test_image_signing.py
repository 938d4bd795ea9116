# SPDX-License-Identifier: Apache-2.0
"""A signature is the same each time, plain openssl accepts it, and a wrong key is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from firmware.boards import load_board
from firmware.errors import FirmwareError
from firmware.image import sign_image
from firmware.signing import open_key
from firmware.squashfs import make_squashfs
from firmware.version import read_release
from kioskd.update.errors import ImageError
from kioskd.update.image_format import read_manifest, verify

ROOT = Path(__file__).resolve().parents[2]

# RFC 6979, A.2.5: key and SHA-256 signatures on P-256
RFC_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC_SAMPLE = (
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)


def openssl(*words: str | Path) -> bytes:
    return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout


def rfc_key(tmp_path: Path) -> Path:
    path = tmp_path / "rfc.pem"
    path.write_bytes(
        ec.derive_private_key(RFC_KEY, ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_signatures_are_those_of_rfc_6979(tmp_path: Path) -> None:
    key = open_key(rfc_key(tmp_path), tmp_path / "keys")
    signature = key.sign(b"sample")
    assert decode_dss_signature(signature) == RFC_SAMPLE
    assert key.sign(b"sample") == signature
    assert not key.development


def test_plain_openssl_accepts_what_is_signed(tmp_path: Path) -> None:
    key = open_key(None, tmp_path / "keys")
    (tmp_path / "content").write_bytes(b"content")
    (tmp_path / "signature").write_bytes(key.sign(b"content"))
    verify = ("dgst", "-sha256", "-verify", key.public_path, "-signature", tmp_path / "signature")
    assert openssl(*verify, tmp_path / "content") == b"Verified OK\n"


def test_a_development_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = open_key(None, tmp_path / "keys")
    assert first.development
    private = tmp_path / "keys/kiosk-development.pem"
    assert private.stat().st_mode & 0o777 == 0o600
    content = private.read_bytes()
    assert open_key(None, tmp_path / "keys").id == first.id
    assert private.read_bytes() == content


def test_a_release_key_of_openssl_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    key = open_key(path, tmp_path / "keys")
    public = openssl("ec", "-in", path, "-pubout")
    assert key.public_path.read_bytes() == public
    assert not (tmp_path / "keys/release.pem").exists(), "the private half stays where it is"


def wrong_keys(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    rsa, other, locked, public = (tmp_path / name for name in ("rsa", "p384", "locked", "public"))
    openssl("genrsa", "-out", rsa, "2048")
    openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", other)
    plain = rfc_key(tmp_path)
    openssl("ec", "-in", plain, "-aes128", "-passout", "pass:x", "-out", locked)
    public.write_bytes(openssl("ec", "-in", plain, "-pubout"))
    (tmp_path / "text").write_text("hello")
    return {
        "missing": (tmp_path / "missing", "cannot be read"),
        "a folder": (tmp_path, "cannot be read"),
        "no PEM": (tmp_path / "text", "not a private key in PEM"),
        "public": (public, "not a private key in PEM"),
        "RSA": (rsa, "not for ECDSA P-256"),
        "another curve": (other, "not for ECDSA P-256"),
        "locked": (locked, "locked with a passphrase"),
    }


def test_every_wrong_key_is_told(tmp_path: Path) -> None:
    for name, (path, told) in wrong_keys(tmp_path).items():
        with pytest.raises(FirmwareError) as error:
            open_key(path, tmp_path / "keys")
        assert told in str(error.value), name
        assert str(path) in str(error.value), name


def test_an_image_is_accepted_by_its_own_board_only(tmp_path: Path) -> None:
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "tree/etc/file").write_text("x" * 100)
    squashfs, image = tmp_path / "x.squashfs", tmp_path / "x.img"
    make_squashfs(tmp_path / "tree", squashfs, compression="xz", epoch=1)
    key = open_key(None, tmp_path / "keys")
    release = read_release(ROOT)
    files = {"etc/file": "ab" * 32}
    for attempt in (image, tmp_path / "again.img"):
        sign_image(
            squashfs,
            attempt,
            board="rk3576",
            version=release.version,
            built=release.epoch,
            key=key,
            files=files,
        )
    assert image.read_bytes() == (tmp_path / "again.img").read_bytes()
    manifest = read_manifest(image)
    assert (manifest.board, manifest.version) == ("rk3576", release.version)
    assert manifest.files == files
    with pytest.raises(ImageError, match="is for the board rk3576"):
        verify(image, [key.public_path], "g88")


def test_a_release_is_its_commit(tmp_path: Path) -> None:
    release = read_release(ROOT)
    number, _, commit = release.version.partition("+")
    assert number in (ROOT / "pyproject.toml").read_text()
    assert release.commit.startswith(commit.removesuffix(".dirty"))
    assert release.epoch > 1_700_000_000
    (tmp_path / "pyproject.toml").write_text('version = "1.0"\n')
    with pytest.raises(FirmwareError, match="build from a git checkout"):
        read_release(tmp_path)


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts/make_overlay.py"
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False
    )


def test_the_command_teaches_and_refuses_in_words(tmp_path: Path) -> None:
    told = run_command("--help").stdout
    assert "8189, g88, qemu-virt, rk3576, s565" in told
    assert "ecparam" in told
    for arguments, words in (
        ((), "name a board"),
        (("rk3577",), "did you mean rk3576?"),
        (("g88", "--out", str(tmp_path), "--key", str(tmp_path / "none.pem")), "cannot be read"),
        (("g88", "--out", "/proc/none"), "error: "),
    ):
        result = run_command(*arguments)
        assert result.returncode != 0
        assert words in result.stderr
        assert "Traceback" not in result.stderr


def test_a_board_is_introduced_with_its_tier(tmp_path: Path) -> None:
    board = load_board("G88")
    result = run_command("G88", "--out", str(tmp_path), "--key", str(tmp_path / "none.pem"))
    assert board.describe() in result.stderr
