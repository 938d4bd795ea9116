# SPDX-License-Identifier: Apache-2.0
"""Every way in which an image can be bad: the hook refuses it, for the reason Python gives."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_stage import (
    BOARD,
    Board,
    Images,
    make_image,
    make_keys,
    make_manifest,
    make_squashfs,
    sign,
)

from kioskd.update.errors import ImageError
from kioskd.update.image_format import TRAILER_BYTES, Trailer, padded_digest, verify


def parts(image: bytes) -> tuple[bytes, bytes, bytes]:
    found = re.match(rb"KIOSKIMG1 squashfs=(\d+) manifest=(\d+)", image[-TRAILER_BYTES:])
    assert found is not None
    first, second = int(found[1]), int(found[1]) + int(found[2])
    return image[:first], image[first:second], image[second:-TRAILER_BYTES]


def joined(squashfs: bytes, manifest: bytes, signature: bytes) -> bytes:
    trailer = Trailer(len(squashfs), len(manifest), len(signature)).to_bytes()
    return squashfs + manifest + signature + trailer


def resigned(images: Images, old: bytes, new: bytes) -> bytes:
    """With another manifest that the trusted key has signed."""
    squashfs, manifest, _ = parts(images.one)
    assert old in manifest
    manifest = manifest.replace(old, new)
    return joined(squashfs, manifest, sign(manifest, images.keys))


def with_line(image: bytes, old: bytes, new: bytes) -> bytes:
    """With another first line of the trailer, padded as it must be."""
    line = image[-TRAILER_BYTES:].split(b"\n")[0]
    assert old in line
    changed = line.replace(old, new) + b"\n"
    return image[:-TRAILER_BYTES] + changed.ljust(TRAILER_BYTES - 1) + b"\n"


def flipped(image: bytes, at: int) -> bytes:
    return image[:at] + bytes([image[at] ^ 0x10]) + image[at + 1 :]


def other_magic(images: Images) -> bytes:
    squashfs, manifest, signature = parts(images.one)
    return joined(b"HSQS" + squashfs[4:], manifest, signature)


BAD: dict[str, tuple[str, Callable[[Images], bytes]]] = {
    "empty": ("truncated", lambda _: b""),
    "a few bytes": ("truncated", lambda _: b"hsqs" * 20),
    "without its end": ("truncated", lambda i: i.one[:-700]),
    "a byte less, and the last of its signature is zero": (
        "truncated",
        lambda i: i.one[: -TRAILER_BYTES - 1] + b"\0" + i.one[-TRAILER_BYTES:-1],
    ),
    "half of it": ("truncated", lambda i: i.one[: len(i.one) // 2]),
    "without its middle": ("truncated", lambda i: i.one[:1000] + i.one[-2000:]),
    "something else": ("bad_trailer", lambda _: random.Random(1).randbytes(9000)),
    "more than it says": ("bad_trailer", lambda i: i.one[:4096] + b"x" * 512 + i.one[4096:]),
    "trailer's padding": ("bad_trailer", lambda i: flipped(i.one, len(i.one) - 100)),
    "trailer's end": ("bad_trailer", lambda i: flipped(i.one, len(i.one) - 1)),
    "trailer with a leading zero": (
        "bad_trailer",
        lambda i: with_line(i.one, b"manifest=", b"manifest=0"),
    ),
    "trailer with a contrary size": (
        "bad_trailer",
        lambda i: with_line(i.one, b"squashfs=4096", b"squashfs=4095"),
    ),
    "a newer trailer": ("newer_format", lambda i: with_line(i.one, b"KIOSKIMG1", b"KIOSKIMG2")),
    "no squashfs": ("not_squashfs", other_magic),
    "unsigned": ("unsigned", lambda i: joined(*parts(i.one)[:2], b"")),
    "another image's signature": (
        "wrong_signature",
        lambda i: joined(*parts(i.one)[:2], parts(i.two)[2]),
    ),
    "another image's manifest": (
        "wrong_hash",
        lambda i: joined(parts(i.one)[0], *parts(i.two)[1:]),
    ),
    "changed manifest": (
        "wrong_signature",
        lambda i: i.one.replace(b'"version":"1.0"', b'"version":"1.1"'),
    ),
    "changed content": ("wrong_hash", lambda i: flipped(i.one, 300)),
    "changed zeros": ("wrong_hash", lambda i: flipped(i.one, len(parts(i.one)[0]) - 1)),
    "a newer manifest": ("newer_format", lambda i: resigned(i, b'"format":1', b'"format":2')),
    "another product": ("wrong_name", lambda i: resigned(i, b"avatar-kiosk", b"other-thing")),
    "another board": ("wrong_board", lambda i: resigned(i, BOARD.encode(), b"rk3576")),
    "contrary sizes": (
        "bad_trailer",
        lambda i: resigned(i, b'"squashfs_bytes":4096', b'"squashfs_bytes":8192'),
    ),
}


def refusal(board: Board, image: Path) -> str:
    result = board.run("verify", str(image))
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout == ""
    code, colon, reason = result.stderr.strip().partition(": ")
    assert colon, result.stderr
    assert reason, result.stderr
    assert "\n" not in reason, "one line"
    return code


def test_a_good_image_passes_and_tells_its_version(
    board: Board, images: Images, tmp_path: Path
) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(images.two)
    result = board.run("verify", str(image))
    assert (result.returncode, result.stdout, result.stderr) == (0, "2.0\n", "")
    assert list(board.store.run.iterdir()) == [], "nothing is left behind"


def test_every_way_of_being_bad_has_the_code_that_python_gives(
    board: Board, images: Images, tmp_path: Path
) -> None:
    image = tmp_path / "x.img"
    for name, (code, make) in BAD.items():
        image.write_bytes(make(images))
        assert refusal(board, image) == code, name
        with pytest.raises(ImageError) as caught:
            verify(image, [images.keys.public], BOARD)
        assert caught.value.code == code, name
    assert refusal(board, tmp_path / "none.img") == "unreadable"


def test_what_the_hook_itself_refuses(board: Board, images: Images, tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(resigned(images, b'"min_hook":1', b'"min_hook":2'))
    assert refusal(board, image) == "hook_too_old"
    with image.open("r+b") as file:
        file.truncate((128 << 20) + 1)
    assert refusal(board, image) == "too_large"


def test_a_flipped_bit_anywhere_is_refused(
    make_board: Callable[[str], Board], images: Images, tmp_path: Path
) -> None:
    board = make_board("dash")
    image = tmp_path / "x.img"
    choose = random.Random()
    places = sorted(choose.sample(range(len(images.one)), 25))
    for at in places:
        image.write_bytes(flipped(images.one, at))
        assert board.run("verify", str(image)).returncode == 1, f"bit flipped in byte {at}"


def test_keys_can_be_brought_in_and_withdrawn(board: Board, images: Images, tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    new = make_keys(tmp_path / "new", "new")
    image.write_bytes(make_image(tmp_path, new, "3.0"))
    assert refusal(board, image) == "unknown_key"

    both = tmp_path / "both"
    both.mkdir()
    board.keys = both
    assert refusal(board, image) == "no_keys"
    (both / "broken.pem").write_text("no key\n")
    assert refusal(board, image) == "unknown_key"
    shutil.copy(images.keys.public, both / "old.pem")
    assert refusal(board, image) == "unknown_key"
    shutil.copy(new.public, both / "new.pem")
    assert board.run("verify", str(image)).stdout == "3.0\n"
    image.write_bytes(images.one)
    assert board.run("verify", str(image)).stdout == "1.0\n"


def test_without_openssl_nothing_is_trusted(
    make_board: Callable[[str], Board], images: Images, tmp_path: Path
) -> None:
    board = make_board("busybox")
    (board.folder / "bin" / "openssl").unlink()
    image = tmp_path / "x.img"
    image.write_bytes(images.one)
    assert refusal(board, image) == "no_openssl"


def test_a_payload_as_large_as_real_ones_is_checked_in_time(
    make_board: Callable[[str], Board], images: Images, tmp_path: Path
) -> None:
    """48 MB of noise; the limit is generous, for it is about shell loops, not about hashing."""
    board = make_board("dash")
    squashfs = make_squashfs(tmp_path, "5.0")
    with squashfs.open("ab") as file:
        file.write(random.Random(2).randbytes(48 << 20))
    size, _ = padded_digest(squashfs)
    files = {f"usr/lib/python3/module_{n}.py": f"{n:064x}" for n in range(3000)}
    manifest = make_manifest(squashfs, images.keys, "5.0", files=files).to_bytes()
    image = tmp_path / "x.img"
    content = squashfs.read_bytes().ljust(size, b"\0")
    image.write_bytes(joined(content, manifest, sign(manifest, images.keys)))
    result = subprocess.run(
        board.command("verify", str(image)),
        env=board.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.stdout == "5.0\n", result.stderr
