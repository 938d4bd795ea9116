# SPDX-License-Identifier: Apache-2.0
"""The house rules that a machine can check: lint, format, types, layers, file sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGES = ("splat_gles", "driving_client", "kioskd")
ALLOWED_TOP = {
    "board", "rootfs_overlay", "kioskd", "driving_client", "splat_gles", "config", "scripts",
    "tests", "Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md",
    "pyproject.toml", "requirements.lock", "requirements-dev.lock",
    "LICENSE", ".ci", ".gitignore", ".gitattributes",
    ".editorconfig",
}  # fmt: skip
LONGEST_FILE = 320
PLAIN_VALUES = ("snapshot", "settings")


def tracked(root: Path, suffix: str = "") -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    return [root / name for name in listing.split("\0") if name.endswith(suffix) and name]


def own_sources(root: Path) -> list[Path]:
    return [path for path in tracked(root, ".py") if not path.name.endswith("_pb2.py")]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=["ruff-check", "ruff-format", "mypy"],
)
def test_tool_is_content(root: Path, command: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_script_is_type_checked(root: Path) -> None:
    mypy = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["mypy"]
    scripts = {path.relative_to(root / "scripts").parts[0] for path in tracked(root / "scripts")}
    known = {*mypy["packages"], *mypy["modules"]} - {*PACKAGES}
    other = {"rknn_build"}  # runs in the converter's environment, which has nothing of ours
    ours = {name.removesuffix(".py") for name in scripts if Path(name).suffix in ("", ".py")}
    assert ours == known | other


def test_top_level_is_the_agreed_one(root: Path) -> None:
    found = {path.relative_to(root).parts[0] for path in tracked(root)}
    assert found <= ALLOWED_TOP, f"unexpected at the top level: {sorted(found - ALLOWED_TOP)}"


def test_every_source_names_its_licence(root: Path) -> None:
    bare = [
        path.relative_to(root)
        for path in own_sources(root)
        if "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:200]
    ]
    assert not bare, f"no SPDX line in {bare}"


def test_files_are_read_in_one_go(root: Path) -> None:
    long = {
        str(path.relative_to(root)): lines
        for path in own_sources(root)
        if "tests" not in path.parts
        and (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert not long, f"longer than {LONGEST_FILE} lines, split by reason: {long}"


def test_the_folders_of_the_avatar_maker_import_downwards_only(root: Path) -> None:
    below: dict[str, set[str]] = {
        "splats": set(),
        "fitting": {"splats"},
        "review": set(),
        "body": {"splats"},
        "hair": {"splats", "body"},
        "face": {"splats", "body", "hair"},
        "clothing": {"splats", "body"},
    }
    imported = re.compile(r"^from avatar_maker\.(\w+)\.", re.MULTILINE)
    wrong = [
        f"{folder}/{path.name}: {name}"
        for folder, allowed in below.items()
        for path in (root / "scripts/avatar_maker" / folder).glob("*.py")
        for name in imported.findall(path.read_text())
        if name not in {folder, *allowed}
    ]
    assert not wrong, f"imports that point upwards or sideways: {wrong}"
    folders = {path.name for path in (root / "scripts/avatar_maker").glob("[a-z]*/")}
    assert folders <= set(below)


def test_no_source_edits_the_path_that_imports_are_looked_for_in(root: Path) -> None:
    """One rule does: the environment's .pth file, and pytest's `pythonpath` for the tests."""
    edits = re.compile(r"^\s*sys\.path(\.(insert|append|extend)\(|\[.*\] *=| *\+?= )", re.MULTILINE)
    wrong = [
        str(path.relative_to(root)) for path in own_sources(root) if edits.search(path.read_text())
    ]
    assert not wrong, f"sys.path is edited in {wrong}"


def test_every_skip_names_the_target_that_brings_what_is_missing(root: Path) -> None:
    """Or what of this machine forbids it; a reason without words of its own is another's error."""
    machine = re.compile(r"root|machine|driver|mount|C library|pseudo-terminal|older than|vendor's")
    silent = []
    for path in (root / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in ("skip", "skipif", "importorskip"):
                continue
            reasons = [*node.args, *(keyword.value for keyword in node.keywords)]
            words = "".join(
                str(part.value)
                for reason in reasons
                for part in ast.walk(reason)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )
            if words and "`make " not in words and not machine.search(words):
                silent.append(f"{path.relative_to(root)}:{node.lineno}: {words}")
    assert not silent, "skips that help nobody:\n" + "\n".join(silent)


@pytest.mark.parametrize("package", ["splat_gles", "driving_client"])
def test_lower_packages_import_neither_each_other_nor_the_daemon(root: Path, package: str) -> None:
    others = set(PACKAGES) - {package}
    wrong = []
    for path in (root / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            wrong += [
                f"{path.relative_to(root)}:{node.lineno}: {name}"
                for name in names
                if name.split(".")[0] in others
            ]
    assert not wrong, "imports that point upwards or sideways:\n" + "\n".join(wrong)


def imports_between_rooms(root: Path, package: str) -> dict[str, set[str]]:
    """Which rooms of a package (its folders, and its modules outside of them) each one imports.

    In kioskd, what a part tells (`snapshot`) and what it is set to (`settings`) are rooms of their
    own: plain values that anybody may know.
    """
    rooms: dict[str, set[str]] = {}
    for path in (root / package).rglob("*.py"):
        inside = path.relative_to(root / package).with_suffix("").parts
        values = PLAIN_VALUES if package == "kioskd" else ()
        source = f"{inside[0]} {inside[-1]}" if inside[-1] in values else inside[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            for alias in node.names:
                target = (*node.module.split("."), alias.name)
                if target[0] != package:
                    continue
                module = next((name for name in target[2:] if name in values), None)
                room = f"{target[1]} {module}" if module else target[1]
                if room != source:
                    rooms.setdefault(source, set()).add(room)
    return rooms


@pytest.mark.parametrize("package", PACKAGES)
def test_the_rooms_of_a_package_import_downwards_only(root: Path, package: str) -> None:
    """Then they have an order: who imports whom never comes back to where it began."""
    rooms = imports_between_rooms(root, package)
    settled: set[str] = set()

    def climb(room: str, way: tuple[str, ...]) -> None:
        assert room not in way, f"imports in a circle: {' → '.join((*way, room))}"
        if room in settled:
            return
        for below in sorted(rooms.get(room, ())):
            climb(below, (*way, room))
        settled.add(room)

    for room in sorted(rooms):
        climb(room, ())
    assert len(settled) > 10, "nothing was looked at"


def test_what_an_object_keeps_for_itself_is_read_somewhere(root: Path) -> None:
    """A private attribute that is only written is a leftover; by name, in what is no test."""
    written: dict[str, str] = {}
    read = set()
    for path in own_sources(root):
        if "tests" in path.relative_to(root).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            if isinstance(node.ctx, ast.Load):
                read.add(node.attr)
            elif node.attr.startswith("_") and ast.unparse(node.value) == "self":
                written[node.attr] = f"{path.relative_to(root)}:{node.lineno}"
    assert not {name: where for name, where in written.items() if name not in read}
