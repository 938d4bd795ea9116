# SPDX-License-Identifier: Apache-2.0
"""Arrays of an .npz that somebody brought: within a limit, and nothing in it is run."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driving_client.regular_file import open_regular


class NpzError(ValueError):
    """What is wrong with the file, without its name."""


def read_npz(path: Path, names: Collection[str], max_bytes: int) -> dict[str, NDArray[Any]]:
    """Those of `names` that the file holds; at most `max_bytes` unpacked. Raises NpzError."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > max_bytes:
                raise NpzError(f"unpacks to more than {max_bytes >> 20} MB")
        with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names if name in arrays.files}
    except NpzError:
        raise
    except OSError as error:
        raise NpzError(f"cannot be read ({error.strerror or error})") from error
    except (ValueError, zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise NpzError(f"not an .npz of plain arrays ({error})") from error
