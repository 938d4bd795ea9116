# SPDX-License-Identifier: Apache-2.0
"""Every option of the table at its bounds and beyond: --check, start and reload say the same.

Whether a value is allowed is asked of the schema that editors read, so that it is tried as well.
"""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from certificates import make_certificate
from kiosk_process import ROOT, running
from three_ways import Verdict, three_ways

from kioskd.config import ConfigError, load
from kioskd.config.options import Kind, allowed
from kioskd.config.table import OPTIONS, flatten

SCHEMA: dict[str, Any] = json.loads((ROOT / "config/kiosk.schema.json").read_text())["properties"]
NUMBERS = (Kind.INTEGER, Kind.NUMBER)
ANYTHING = [
    "",
    "''",
    "' '",
    "text",
    "'1'",
    "true",
    "no",
    "1",
    "0",
    "-1",
    "1.5",
    "1.0e+400",
    ".nan",
    ".inf",
    "-.inf",
    "1" + "0" * 400,
    "-1" + "0" * 5000,
    "0x" + "f" * 5000,
    "2026-01-01",
    "[]",
    "[1, a]",
    "{}",
    "{a: 1}",
    "'" + "x" * 1025 + "'",
    '"a\\0b"',
    '"\\ud800"',
    "!!int text",
    "!!python/name:os.system ''",
]
"""Of every type, empty, huge, and what YAML makes of odd tags."""
TEXTS = {
    Kind.TEXT: ["'" + "x" * 1024 + "'"],
    Kind.COLOUR: ["'#00fFa9'", "'#00ffa'", "'#00ffa99'", "'#00ffag'", "#00ffa9", "white"],
    Kind.HOST: ["127.255.255.254", "'::1'", "localhost", "127.0.0.256", "'::1::'", "a" * 64, "a b"],
    Kind.HTTP_URL: ["http://h:65535/x", "https://h", "http://h:65536", "http://h:-1", "ftp://h"],
    Kind.WEBSOCKET_URL: ["ws://h:65535/x", "wss://h", "ws://h:65536", "ws://h:-1", "http://h"],
}


def values(key: str) -> Iterator[str]:
    """What is written into the file, as YAML."""
    rule = OPTIONS[key].rule
    if rule.minimum is not None and rule.maximum is not None:
        yield from (f"{rule.minimum:g}", f"{rule.maximum:g}")
        for bound, beyond in ((rule.minimum, -1), (rule.maximum, 1)):
            nearest = math.nextafter(bound, beyond * math.inf)
            # YAML takes a number with an exponent only where it has a point and a sign
            yield re.sub(r"^(-?\d+)e", r"\1.0e", repr(nearest))
            yield repr(bound + beyond)
        yield repr((rule.minimum + rule.maximum) / 2 + 0.25)
    for choice in rule.choices:
        yield from (str(choice), f"'{choice}'", f"{choice}x")
    yield from [*TEXTS.get(rule.kind, []), *ANYTHING]


def schema_takes(key: str, value: object) -> bool:
    """What an editor says; of JSON Schema only what the generated file uses."""
    row = SCHEMA[OPTIONS[key].section]["properties"][OPTIONS[key].name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    types = {
        "boolean": isinstance(value, bool),
        "string": isinstance(value, str),
        "number": number,
        "integer": number and math.isfinite(value) and value == int(value)
        if isinstance(value, float)
        else number,
    }
    named = row["type"] if isinstance(row["type"], list) else [row["type"]]
    return (
        any(types[each] for each in named)
        and ("enum" not in row or value in row["enum"])
        and ("minimum" not in row or not number or row["minimum"] <= value)
        and ("maximum" not in row or not number or value <= row["maximum"])
        and ("pattern" not in row or number or re.search(row["pattern"], str(value)) is not None)
    )


def python_value(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text.rpartition(" ")[2].strip("'")  # not what its tag says: text


@pytest.mark.parametrize("key", OPTIONS)
def test_an_option_is_judged_alike_wherever_it_is_read(tmp_path: Path, key: str) -> None:
    row = OPTIONS[key]
    path = tmp_path / "kiosk.yaml"
    taken = 0
    for text in values(key):
        path.write_text(f"{row.section}:\n  {row.name}: {text}\n")
        told = three_ways(path)
        value = python_value(text)
        expected = schema_takes(key, value)
        assert expected or not told.taken, text
        if row.rule.kind in (*NUMBERS, Kind.SWITCH) or row.rule.choices:
            assert told.taken == expected, text  # of texts a schema can say less
        if told.taken:
            taken += 1
            assert flatten(load(path).config)[key] in (value, str(tmp_path / str(value))), text
            continue
        assert told.lines[0].startswith(f"{path}:2: {key}: "), text
        if row.rule.kind in (*NUMBERS, Kind.SWITCH):
            assert told.lines[0].endswith(allowed(row.rule)), text
            shown = told.lines[0].removeprefix(f"{path}:2: {key}: ").split()[0]
            assert shown not in allowed(row.rule).split() or "too" not in told.lines[0], (
                f"{text} is shown as a bound that is allowed"
            )
    assert taken, "of each option something is taken"


def test_every_number_has_bounds() -> None:
    for key, row in OPTIONS.items():
        if row.rule.kind in NUMBERS and not row.rule.choices:
            assert row.rule.minimum is not None, key
            assert row.rule.maximum is not None, key


CERTIFICATE = "tls_certificate: crt, tls_key: key"
RULES = {
    "a certificate alone": "health: {tls_certificate: crt}",
    "a key alone": "health: {tls_key: key}",
    "another one's key": "health: {tls_certificate: crt, tls_key: other}",
    "no certificate": "health: {tls_certificate: token, tls_key: key}",
    "open to all": "health: {address: 0.0.0.0}",
    "open without a token": f"health: {{address: 0.0.0.0, {CERTIFICATE}}}",
    "a short token": f"health: {{address: 0.0.0.0, {CERTIFICATE}, token_file: short}}",
    "a token of two lines": "health: {token_file: lines}",
    "an empty token": "health: {token_file: empty}",
    "a token that is not there": "health: {token_file: nowhere}",
    "a token in a folder": "health: {token_file: .}",
    "a retarget of no use": "playback: {retarget: token}",
    "a key for nobody": "endpoint: {dialect: relay, session_key_file: token, api_key_file: token}",
    "an id that no header carries": "endpoint: {dialect: driveningress, app_id: '\u6f22'}",
    "an authority of no use": "endpoint: {ca_file: token}",
    "a login for no proxy": "network: {proxy_login_file: token}",
    "many at once": "health: {address: '::', token_file: short}\nplayback: {retarget: token}",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    make_certificate(folder / "crt", folder / "key")
    make_certificate(folder / "unused", folder / "other")
    for name, text in {"token": "t" * 32, "short": "t", "lines": "a\nb", "empty": " "}.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", RULES)
def test_rules_between_options_are_the_same_everywhere(files: Path, name: str) -> None:
    path = files / "kiosk.yaml"
    path.write_text(RULES[name])
    told = three_ways(path)
    assert not told.taken
    assert all(line.startswith((f"{path}:1: ", f"{path}:2: ")) for line in told.lines), told


def test_what_all_rules_ask_for_is_taken_everywhere(files: Path) -> None:
    path = files / "kiosk.yaml"
    path.write_text(f"health: {{address: '::', {CERTIFICATE}, token_file: token}}\n")
    assert three_ways(path) == Verdict(True, ())


def test_real_processes_say_it_too(tmp_path: Path) -> None:
    """Everything is wrong at once: a line for each option, of the start and of --check."""
    path = tmp_path / "kiosk.yaml"
    wrong: dict[str, dict[str, Any]] = {}
    for key, row in OPTIONS.items():
        section = wrong.setdefault(row.section, {})
        section[row.name] = 1e9 if row.rule.kind in NUMBERS else ["a", "list"]
        assert not schema_takes(key, section[row.name])
    path.write_text(yaml.safe_dump(wrong))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(caught.value.problems) == len(OPTIONS)
    for words in ([], ["--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "kioskd", "--config", str(path), *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 78, done.stderr
        lines = tuple(line.removeprefix("error: ") for line in done.stderr.splitlines())
        assert lines == caught.value.problems


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_a_kiosk_with_every_number_at_its_bound_runs(tmp_path: Path, bound: str) -> None:
    """But for the port and, to save the processor, the size of the picture."""
    numbers: dict[str, dict[str, Any]] = {}
    for row in OPTIONS.values():
        if row.rule.kind in NUMBERS and not row.rule.choices:
            numbers.setdefault(row.section, {})[row.name] = getattr(row.rule, bound)
    with running(tmp_path, config=yaml.safe_dump(numbers)) as kiosk:
        drawing = ("pass", "warn")  # frames may be late on a busy machine
        kiosk.wait_until(
            lambda: kiosk.health()["checks"].get("render_loop", {}).get("status") in drawing,
            "frames",
        )
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for("config_reloaded")
        assert kiosk.health()["checks"]["config"]["status"] == "pass"
        assert kiosk.stop() == 0, kiosk.log
    assert "Traceback" not in kiosk.log
