# SPDX-License-Identifier: Apache-2.0
"""Which of two images is the older: by version number, then by the time of its commit.

A version is `<number>+<commit>`; a commit's hash has no order, so two builds of one number are
told apart by `built`. Both stand in the signed manifest: nobody can make an old image new. What
differs in its content alone (a build of a changed checkout) is neither older nor the same.
"""

from __future__ import annotations

import re
from typing import Final

from kioskd.update.manifest import Manifest

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)*")

Order = tuple[list[int], bool, list[tuple[bool, int, str]], int]


def age(manifest: Manifest) -> Order:
    """Compares as the images' ages do; 1.0.0-rc2 is before 1.0.0, 0.9 before 0.10."""
    public = manifest.version.partition("+")[0]
    found = _NUMBER.match(public)
    digits = found[0] if found else ""
    numbers = [int(number) for number in digits.split(".") if number]
    while numbers and not numbers[-1]:
        numbers.pop()
    rest = public[len(digits) :]
    words = [
        (word.isdigit(), int(word) if word.isdigit() else 0, word)
        for word in re.findall(r"\d+|[^\d]+", rest)
    ]
    return numbers, not rest, words, manifest.built


def refusal(new: Manifest, installed: Manifest) -> str:
    """Why `new` does not update what is installed; empty if it does."""
    there, coming = age(installed), age(new)
    if coming < there:
        return f"is older than {installed.version}, installed"
    if coming == there and new.squashfs_sha256 == installed.squashfs_sha256:
        return "is what is installed already"
    return ""
