# SPDX-License-Identifier: Apache-2.0
"""Pages and code name each other; what is named must be there, sections too.

A citation in code is the page's path from the root, then a comma and the section's title, as in
`driving_client/wire/README.md, Relay dialect`. In a page it is a link with an anchor.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from test_linters import tracked

WRITTEN_BY_TARGETS = "tests/results/"
"""Results of long tests: the first run of a target makes its page."""
TEXTS = (".py", ".pyi", ".sh", ".html", ".proto", ".toml", ".yaml", ".service", ".rules", ".conf")
_FENCED = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$", re.MULTILINE)
_PAGE = re.compile(r"(?<![\w./-])((?:[\w-]+/)+[\w-]+\.md)\b(?:,\s+([A-Z][^\n]{0,80}))?")
_QUOTED = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w./-]+\.(?:py|sh|md|html|proto)")
_MEMBER = re.compile(r"\b([A-Z]\w+)\.([a-z_]\w*)")


def sources(root: Path) -> list[Path]:
    """Everything that is written for machines, and read by people as well."""
    return [
        path
        for path in tracked(root)
        if (path.suffix in TEXTS or path.name == "Makefile") and path.is_file()
        if path != Path(__file__)
    ]


def titles(page: str) -> list[str]:
    """The section titles of a page, as a reader sees them."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", _FENCED.sub("", page))
    return [title.replace("`", "") for title in _HEADING.findall(plain)]


def anchors(page: str) -> set[str]:
    """What GitHub makes of the titles: small letters, no punctuation, blanks as hyphens."""
    found: set[str] = set()
    for title in titles(page):
        anchor = plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number = 0
        while anchor in found:
            number += 1
            anchor = f"{plain}-{number}"
        found.add(anchor)
    return found


def one_line(source: str) -> str:
    """The text without the line ends, comment signs and quotes that break a citation in two."""
    return re.sub(r'"?\s*\n\s*(?:#:?|//|\*|f?"(?!""))?\s*', " ", source)


def wrong_citations(source: str, root: Path) -> list[str]:
    """Pages, or sections of pages, that this text names and the project lacks."""
    wrong = []
    for name, rest in _PAGE.findall(one_line(source)):
        if name.startswith(WRITTEN_BY_TARGETS):
            continue
        if not (root / name).is_file():
            wrong.append(name)
        elif rest:
            known = titles((root / name).read_text())
            if not any(re.match(re.escape(title) + r"(?!\w)", rest) for title in known):
                wrong.append(f"{name}, {rest}")
    return wrong


def wrong_links(page: Path) -> list[str]:
    """Links to files that are not there, and anchors that no title makes."""
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _FENCED.sub("", page.read_text())):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            wrong.append(link)
    return wrong


def wrong_files(page: Path, root: Path, files: set[str]) -> list[str]:
    """Files in `…` that no file of the project is called, or ends like; a leading `../` is cut."""
    ends = {file[at:] for file in files for at in (0, *(m.end() for m in re.finditer("/", file)))}
    return [
        name
        for quoted in _QUOTED.findall(_FENCED.sub("", page.read_text()))
        if (name := quoted.removeprefix("../")) and _FILE.fullmatch(name) and name[0] != "/"
        if name not in ends and not name.startswith(WRITTEN_BY_TARGETS.removeprefix("tests/"))
    ]


def members(paths: list[Path]) -> Iterator[str]:
    """Every `Class.method`, `Class.attribute` that is written in the class."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for part in ast.walk(node):
                    if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        yield f"{node.name}.{part.name}"
                    elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                        yield f"{node.name}.{part.target.id}"


def test_every_page_and_section_that_code_names_is_there(root: Path) -> None:
    wrong = {
        str(path.relative_to(root)): names
        for path in sources(root)
        if (names := wrong_citations(path.read_text(), root))
    }
    assert not wrong, f"name the page from the root, and a section of it by its title: {wrong}"


def test_links_between_pages_lead_to_a_file_and_a_section(root: Path) -> None:
    wrong = {
        str(page.relative_to(root)): links
        for page in tracked(root, ".md")
        if (links := wrong_links(page))
    }
    assert not wrong, f"links that lead nowhere: {wrong}"


def test_files_that_pages_name_are_there(root: Path) -> None:
    files = {str(path.relative_to(root)) for path in tracked(root)}
    wrong = {
        str(page.relative_to(root)): names
        for page in tracked(root, ".md")
        if (names := wrong_files(page, root, files))
    }
    assert not wrong, f"no such file in the project: {wrong}"


def test_functions_that_the_pages_of_the_packages_name_or_draw_are_there(root: Path) -> None:
    packages = ("kioskd", "driving_client", "splat_gles")
    known = set(members([path for name in packages for path in (root / name).rglob("*.py")]))
    for package in packages[:2]:
        page = (root / package / "README.md").read_text()
        quoted = [text for text in _QUOTED.findall(page) if _MEMBER.fullmatch(text)]
        drawings = " ".join(block[0] for block in _FENCED.finditer(page))
        named = {".".join(found) for found in _MEMBER.findall(" ".join([*quoted, drawings]))}
        assert len(named) > 3
        assert named <= known, f"{package}/README.md: {sorted(named - known)}"


def test_no_section_is_cited_by_a_number(root: Path) -> None:
    """Numbers of sections change unseen, and none of our pages has any."""
    numbered = re.compile(r"\bsections? \d|§ ?\d", re.IGNORECASE)
    wrong = [
        f"{path.relative_to(root)}:{number}"
        for path in sources(root)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if numbered.search(line)
    ]
    assert not wrong, f"cite the page and the section's title: {wrong}"


def test_a_wrong_name_of_each_kind_is_found(tmp_path: Path) -> None:
    (tmp_path / "wire").mkdir()
    page = tmp_path / "wire/NOTES.md"
    page.write_text(
        "# Bytes\n## Bytes `up` (of 2)\n## Bytes\n```\n# no title\n```\n"
        "[good](#bytes-up-of-2) [second](#bytes-1) [bad](#no-title) [gone](gone.md) `NOTES.md`\n"
        "`gone.py`\n"
    )
    assert wrong_links(page) == ["#no-title", "gone.md"]
    assert wrong_files(page, tmp_path, {"wire/NOTES.md"}) == ["gone.py"]
    good = "# see wire/NOTES.md,\n# Bytes up (of 2): all of it; tests/results/new.md; wire/NOTES.md"
    assert wrong_citations(good, tmp_path) == []
    assert wrong_citations('"see wire/NOTES.md, "\n    "Bytes."', tmp_path) == []
    assert wrong_citations("wire/NOTES.md, Bytesize", tmp_path) == ["wire/NOTES.md, Bytesize"]
    assert wrong_citations("wire/GONE.md, Bytes", tmp_path) == ["wire/GONE.md"]
    assert wrong_citations("wire/NOTES.md,\n    Down.", tmp_path) == ["wire/NOTES.md, Down."]
