# SPDX-License-Identifier: Apache-2.0
"""Writes what a payload is made of as an SPDX 2.3 document (JSON).

One package for the image, one for each Debian package and each Python package with the hash
of the file it came in, and one for our own with every file. Times and identifiers come from
the release, so the document of one build is that of the next. A package's licence is what
`declared_licences` says of it, else what it states in SPDX's words or in a form known to mean one;
the texts lie beside.
"""

from __future__ import annotations

import email.parser
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from firmware.boards import Board
from firmware.debian import CODENAME, Deb
from firmware.declared_licences import OF_DEBIAN, OF_WHEELS, extracted_texts
from firmware.errors import FirmwareError
from firmware.licences import LICENCES, metadata_folder
from firmware.payload import COMMANDS, OURS
from firmware.runtime import Runtime
from firmware.tree import SITE_PACKAGES, walk
from firmware.version import Release
from firmware.wheels import PythonPackage

PRODUCT: Final = "avatar-kiosk"
DOCUMENT: Final = "SPDXRef-DOCUMENT"
_IMAGE: Final = "SPDXRef-Image"
_OWN: Final = "SPDXRef-Package-avatar-kiosk"
_NAMESPACE: Final = uuid.UUID("0f4a9d34-7a3b-5d0e-8a6c-5b3d0f7d2c55")
_KNOWN_LICENCES: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "LGPL v2.1": "LGPL-2.1-only",
    "LGPLv2+": "LGPL-2.0-or-later",
    "MIT": "MIT",
    "MIT license": "MIT",
    "PSF": "PSF-2.0",
    "PSF-2.0": "PSF-2.0",
}
_NO_ASSERTION: Final = "NOASSERTION"


def describe_payload(tree: Path, board: Board, release: Release, runtime: Runtime) -> bytes:
    """The document's bytes for a payload laid out with its licences."""
    own_files = [_file(tree, path) for path in own_paths(tree)]
    parts = [
        _own_package(release, own_files),
        *[_deb_package(deb) for deb in runtime.debs],
        *[_python_package(tree, package) for package in runtime.wheels],
    ]
    packages = [_image_package(board, release, parts), *parts]
    identity = f"{PRODUCT}-{board.name}-{release.version}"
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": identity,
        "documentNamespace": f"https://spdx.org/spdxdocs/{quote(identity)}-"
        f"{uuid.uuid5(_NAMESPACE, identity + release.commit)}",
        "creationInfo": {
            "created": datetime.fromtimestamp(release.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Organization: {PRODUCT}", f"Tool: {PRODUCT}-make-overlay"],
        },
        "packages": packages,
        "files": own_files,
        "hasExtractedLicensingInfos": _extracted(packages),
        "relationships": _relationships(packages, own_files),
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def own_paths(tree: Path) -> list[Path]:
    """Our own files in a payload: sources with their bytecode, configuration and commands."""
    own = [
        path
        for path in walk(tree / OURS)
        if path.is_file() and SITE_PACKAGES not in path.as_posix()
    ]
    return own + [tree / "usr/bin" / name for name in sorted(COMMANDS)]


def _file(tree: Path, path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    name = path.relative_to(tree).as_posix()
    return {
        "SPDXID": f"SPDXRef-File-{sha256(name.encode()).hexdigest()[:16]}",
        "fileName": f"./{name}",
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": sha1(content).hexdigest()},
            {"algorithm": "SHA256", "checksumValue": sha256(content).hexdigest()},
        ],
        "licenseConcluded": _NO_ASSERTION,
        "licenseInfoInFiles": [_NO_ASSERTION],
        "copyrightText": _NO_ASSERTION,
    }


def _package(spdx_id: str, name: str, version: str) -> dict[str, Any]:
    return {
        "SPDXID": spdx_id,
        "name": name,
        "versionInfo": version,
        "downloadLocation": _NO_ASSERTION,
        "filesAnalyzed": False,
        "licenseConcluded": _NO_ASSERTION,
        "licenseDeclared": _NO_ASSERTION,
        "copyrightText": _NO_ASSERTION,
    }


def _image_package(board: Board, release: Release, parts: list[dict[str, Any]]) -> dict[str, Any]:
    every = sorted({part["licenseDeclared"] for part in parts})
    return _package(_IMAGE, f"{PRODUCT}-image-{board.name}", release.version) | {
        "licenseDeclared": " AND ".join(f"({licence})" for licence in every),
        "primaryPackagePurpose": "FIRMWARE",
        "summary": f"Firmware payload for {board.title}",
    }


def _own_package(release: Release, files: list[dict[str, Any]]) -> dict[str, Any]:
    sums = sorted(file["checksums"][0]["checksumValue"] for file in files)
    return _package(_OWN, PRODUCT, release.version) | {
        "filesAnalyzed": True,
        "packageVerificationCode": {
            "packageVerificationCodeValue": sha1("".join(sums).encode()).hexdigest()
        },
        "licenseDeclared": "Apache-2.0",
        "sourceInfo": f"git commit {release.commit}",
        "primaryPackagePurpose": "APPLICATION",
        "hasFiles": [file["SPDXID"] for file in files],
        "licenseInfoFromFiles": [_NO_ASSERTION],
    }


def _deb_package(deb: Deb) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{quote(deb.name)}@{quote(deb.version, safe='')}"
    return _sourced(
        _package(f"SPDXRef-Debian-{_id(deb.name)}", deb.name, deb.version),
        deb.sha256,
        f"{purl}?arch=arm64&distro={CODENAME}",
        f"{LICENCES}/debian/{deb.name}/copyright",
    ) | {"supplier": "Organization: Debian", "licenseDeclared": _of_debian(deb.name)}


def _of_debian(name: str) -> str:
    if name not in OF_DEBIAN:
        raise FirmwareError(f"declared_licences.py lacks the licence of Debian's {name}")
    return OF_DEBIAN[name]


def _python_package(tree: Path, package: PythonPackage) -> dict[str, Any]:
    metadata = (metadata_folder(tree, package.name) / "METADATA").read_text("utf-8")
    return _sourced(
        _package(f"SPDXRef-Python-{_id(package.name)}", package.name, package.version),
        package.sha256,
        f"pkg:pypi/{quote(package.name)}@{quote(package.version, safe='')}",
        f"{LICENCES}/python/{package.name}",
    ) | {"packageFileName": package.path.name, "licenseDeclared": _of_wheel(package.name, metadata)}


def _of_wheel(name: str, metadata: str) -> str:
    licence = OF_WHEELS.get(name, declared_licence(metadata))
    if licence == _NO_ASSERTION:
        raise FirmwareError(
            f"{name} declares no licence that is known; read which one it has and add it to "
            "declared_licences.py"
        )
    return licence


def _extracted(packages: list[dict[str, Any]]) -> list[dict[str, str]]:
    told = " ".join(package["licenseDeclared"] for package in packages).split()
    return [
        {"licenseId": name, "extractedText": text}
        for name, text in extracted_texts().items()
        if name in told
    ]


def _sourced(package: dict[str, Any], digest: str, purl: str, licence_place: str) -> dict[str, Any]:
    reference = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": purl,
    }
    return package | {
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
        "externalRefs": [reference],
        "licenseComments": f"The licence texts are in {licence_place}",
        "primaryPackagePurpose": "LIBRARY",
    }


def declared_licence(metadata: str) -> str:
    """The licence that a wheel's METADATA declares, in SPDX's words, else NOASSERTION."""
    told = email.parser.HeaderParser().parsestr(metadata)
    if expression := told.get("License-Expression"):
        return str(expression)
    return _KNOWN_LICENCES.get(str(told.get("License", "")).strip(), _NO_ASSERTION)


def _relationships(
    packages: list[dict[str, Any]], files: list[dict[str, Any]]
) -> list[dict[str, str]]:
    rows = [(DOCUMENT, "DESCRIBES", _IMAGE)]
    rows += [(_IMAGE, "CONTAINS", package["SPDXID"]) for package in packages[1:]]
    rows += [(_OWN, "CONTAINS", file["SPDXID"]) for file in files]
    return [
        {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": related}
        for source, kind, related in rows
    ]


def _id(name: str) -> str:
    """A name in the characters that an SPDX identifier may have."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)
