# SPDX-License-Identifier: Apache-2.0
"""Which board it is, also where a store was copied."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from first_boot_board import boot

from kioskd.first_boot.identity import Identity, find_identity, known_identity
from kioskd.update.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store", tmp_path / "run")
    store.run.mkdir()
    return store


def board_files(root: Path, **files: str) -> Path:
    paths = {
        "tree": "sys/firmware/devicetree/base/serial-number",
        "dmi": "sys/class/dmi/id/product_serial",
        "machine": "etc/machine-id",
    }
    for name, content in files.items():
        (root / paths[name]).parent.mkdir(parents=True, exist_ok=True)
        (root / paths[name]).write_text(content)
    return root


@pytest.mark.parametrize(
    ("files", "serial", "source"),
    [
        (
            {"tree": "RK3576-0042\0", "dmi": "X1\n", "machine": "0" * 32},
            "RK3576-0042",
            "device tree",
        ),
        ({"tree": "\0", "dmi": "PF 12/3\n"}, "PF_12/3", "mainboard"),
        (
            {"dmi": "To Be Filled By O.E.M.\n", "machine": "0123456789abcdef" * 2 + "\n"},
            "machine-3eb1bd439947",
            "machine id",
        ),
        ({"dmi": "Default string\n", "tree": "00000000"}, None, None),
        ({"machine": "uninitialized\n"}, None, None),
        ({"machine": ""}, None, None),
        ({}, None, None),
    ],
)
def test_the_serial_number_and_where_it_comes_from(
    tmp_path: Path, files: dict[str, str], serial: str | None, source: str | None
) -> None:
    found = find_identity(board_files(tmp_path, **files))
    assert (found and found.serial, found and found.source) == (serial, source)


def test_the_shell_hashes_the_machine_id_in_the_same_way(tmp_path: Path) -> None:
    root = board_files(tmp_path, machine="0123456789abcdef" * 2 + "\n")
    script = 'printf %s "$(cat etc/machine-id)" | sha256sum | cut -c1-12'
    done = subprocess.run(["sh", "-c", script], cwd=root, capture_output=True, check=True)
    found = find_identity(root)
    assert found is not None
    assert found.serial == f"machine-{done.stdout.decode().strip()}"


def test_a_copied_store_gets_the_number_of_its_board(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    boot(store)
    assert known_identity(store) == "SN-0001"
    assert not caplog.records or "another board" not in caplog.text
    boot(store, board=Identity("SN-0002", "device tree"))
    assert known_identity(store) == "SN-0002"
    assert "this store comes from another board" in caplog.text
