# SPDX-License-Identifier: Apache-2.0
"""What a person writes into kiosk.yaml, rightly and in every wrong way that we know of."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driving_client.endpoint.settings import DEFAULT_PORT
from kioskd import cli
from kioskd.config import Config, ConfigError, load, read_secret
from kioskd.config.documents import reference, schema
from kioskd.config.options import check_value
from kioskd.config.reading import MAX_FILE_BYTES
from kioskd.config.secrets import MAX_SECRET_BYTES
from kioskd.config.table import OPTIONS, changed, flatten
from kioskd.service.signals import SignalThread


def write(folder: Path, text: str | bytes, name: str = "kiosk.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(path: Path, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return caught.value.problems


def test_an_empty_file_and_the_example_both_mean_the_defaults(tmp_path: Path, root: Path) -> None:
    assert load(write(tmp_path, "")).config == Config()
    assert load(write(tmp_path, "display:\n")).config == Config()
    assert load(root / "config/kiosk.yaml").config == Config()


def test_drop_ins_win_over_the_file_in_order_of_name_and_the_command_line_over_all(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "audio: {volume: 0.1, device: a}\ndisplay: {width: 100}\n")
    write(tmp_path, "audio: {volume: 0.3}\n", "kiosk.d/20-late.yaml")
    write(tmp_path, "audio: {volume: 0.2, device: b}\n", "kiosk.d/10-early.yaml")
    write(tmp_path, "no yaml at all: [", "kiosk.d/notes.txt")
    loaded = load(path, ["display.width=200", "endpoint.avatar_id=0123"])
    assert loaded.config.audio.volume == 0.3
    assert loaded.config.audio.device == "b"
    assert loaded.config.display.width == 200
    assert loaded.config.endpoint.avatar_id == "0123"
    assert [file.name for file in loaded.files] == [
        "kiosk.yaml",
        "10-early.yaml",
        "20-late.yaml",
    ]


@pytest.mark.parametrize("kind", ["file", "FIFO", "loop"])
def test_what_stands_in_the_place_of_the_drop_ins_is_told(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, "")
    folder = tmp_path / "kiosk.d"
    match kind:
        case "file":
            folder.touch()
        case "FIFO":
            os.mkfifo(folder)
        case "loop":
            folder.symlink_to(folder)
    with pytest.raises(ConfigError) as caught:
        load(path)
    [problem] = caught.value.problems
    assert problem.startswith(f"{folder}: cannot be read (")


def test_file_names_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, "secret\n", "key")
    path = write(tmp_path, "endpoint: {session_key_file: key}\navatar: {path: a.avatar}\n")
    config = load(path).config
    assert config.endpoint.session_key_file == str(tmp_path / "key")
    assert config.avatar.path == str(tmp_path / "a.avatar")
    assert read_secret(config.endpoint.session_key_file) == "secret"


@pytest.mark.parametrize("written", ["secret", "secret\r\n", "\ufeffsecret\r\n", " secret\n\n"])
def test_a_secret_is_taken_as_every_editor_writes_it(tmp_path: Path, written: str) -> None:
    """Windows' editors put a mark ahead of the text, which nobody sees."""
    (tmp_path / "key").write_bytes(written.encode())
    assert read_secret(str(tmp_path / "key")) == "secret"


BAD = {
    "unknown section": ("displai: {}", ":1: displai: unknown section; did you mean display?"),
    "unknown key": (
        "display:\n  widht: 1",
        ":2: display.widht: unknown key; did you mean display.width?",
    ),
    "unlike any key": ("voice: {q: 1}", ":1: voice.q: unknown key; known are enabled"),
    "key twice": ("log: {level: info, level: info}", "log.level: given twice, first in line 1"),
    "section twice": ("log: {}\nlog: {}", ":2: log: given twice, first in line 1"),
    "text for a number": ("display: {width: wide}", "'wide' is not a whole number from 0 to"),
    "too large": ("display: {width: 5000}", "5000 is too large; it must be a whole number from"),
    "too small": ("audio: {buffer_ms: 50}", "50 is too small; it must be a whole number from 100"),
    "fraction": ("display: {width: 10.5}", "10.5 is not a whole number"),
    "not a number": ("audio: {volume: .nan}", "nan is not a number from 0 to 1"),
    "infinite": ("audio: {volume: .inf}", "inf is not a number from 0 to 1"),
    "number for a switch": ("audio: {enabled: 1}", "1 is not true or false"),
    "switch for a number": ("audio: {volume: true}", "true is not a number"),
    "number for a text": ("endpoint: {avatar_id: 12}", "12 is not text; put it in quotes"),
    "no choice": ("log: {level: loud}", "'loud' is not allowed; it must be one of debug, info"),
    "wrong rate": ("endpoint: {sample_rate: 11025}", "11025 is not allowed; it must be one of"),
    "no colour": ("display: {background: red}", "'red' is not a colour such as '#ffffff'"),
    "wrong scheme": ("endpoint: {url: 'http://h'}", "'http://h' is not a ws:// or wss:// address"),
    "no host": ("endpoint: {url: 'ws://'}", "is not a ws:// or wss:// address"),
    "bad port": ("endpoint: {url: 'ws://h:99999'}", "is not a ws:// or wss:// address"),
    "secret in address": ("endpoint: {url: 'ws://u:p@h'}", "secrets come only from files"),
    "empty label": (
        "\nendpoint: {token_url: 'http://a..b/t'}",
        ":2: endpoint.token_url: 'http://a..b/t' is not an http:// or https:// address: its host "
        "has an empty part between two dots",
    ),
    "label too long": (f"endpoint: {{say_url: 'http://{'a' * 64}/say'}}", "longer than 63"),
    "blank in an address": ("endpoint: {url: 'ws://h /'}", "contains blanks"),
    "fragment": ("endpoint: {url: 'ws://h/#a'}", "is never sent; leave it out"),
    "nowhere to listen": (
        "health: {address: 'a..b'}",
        "health.address: 'a..b' is not an IP address or a host name: its host has an empty part",
    ),
    "zone": ("health: {address: 'fe80::1%eth0'}", "use one without, or a name"),
    "no address to listen on": ("health: {address: ''}", "it is empty"),
    "empty value": ("audio: {device: }", "an empty value is not text"),
    "list": ("audio: {volume: [1]}", "a list is not a number"),
    "group": ("audio: {volume: {a: 1}}", "a group of keys is not a number"),
    "date": ("audio: {device: 2020-01-01}", "2020-01-01 is not text; put it in quotes"),
    "impossible date": ("audio: {volume: 2020-99-99}", "'2020-99-99' is not a number"),
    "impossible switch": ("audio: {volume: !!bool perhaps}", "'perhaps' is not a number"),
    "empty number": ("audio: {volume: !!int ''}", "'' is not a number"),
    "impossible stamp": ("audio: {volume: !!timestamp soon}", "'soon' is not a number"),
    "larger than any float": ("display: {width: 1" + "0" * 400 + "}", "0… is too large; it must"),
    "longer than any number": ("display: {width: 1" + "0" * 5000 + "}", "0…' is not a whole"),
    "section is a value": ("log: 5", ":1: log: must hold keys, indented below it"),
    "file is a list": ("- a", ":1: must hold sections, such as avatar"),
    "key is a list": ("? [a]\n: 1", ":1: ?: a key must be a plain word"),
    "control character": ('audio: {device: "a\\tb"}', "contains a control character"),
    "half a character": ('\naudio: {device: "\\ud800"}', ":2: audio.device: contains a control"),
    "half a character in an address": ('endpoint: {url: "ws://h/\\udfff"}', "lone surrogate"),
    "half a character in a file name": ('avatar: {path: "\\udc80"}', "(U+DC80)"),
    "NUL in a file name": ('health: {token_file: "a\\0b"}', "(U+0000)"),
    "escape sequence": ('audio: {device: "\\e[2J"}', "(U+001B)"),
    "delete": ('audio: {device: "\\x7f"}', "(U+007F)"),
    "C1": ('audio: {device: "\\x9b"}', "(U+009B)"),
    "line separator": ('audio: {device: "\\u2028"}', "(U+2028)"),
    "half a character for a choice": ('log: {level: "\\ud800"}', "contains a control"),
    "half a character as a key": ('log: {"\\ud800": 1}', "unknown key"),
    "half a character as a section": ('"\\ud800": {}', "unknown section"),
    "minutes in base 60": ("display: {width: 1:30:00}", "5400 is too large"),
    "octal": ("audio: {buffer_ms: 0100}", "64 is too small"),
    "number as a key": ("log: {1: info}", "log.1: unknown key"),
    "stamp as a key": ("2020-01-01: {}", "2020-01-01: unknown section"),
    "merge key": ("a: &a {level: info}\nlog: {<<: *a}", ":2: log.<<: unknown key"),
    "bytes": ("audio: {device: !!binary aGk=}", "put it in quotes if text is meant"),
    "no bytes": ("audio: {volume: !!binary é}", "'é' is not a number"),
    "alias bomb": (
        "a: &a [x,x]\n"
        + "".join(f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'},*a]\n" for n in range(50))
        + "log: {level: *b49}",
        "a list is not one of",
    ),
    "alias of itself": ("log: &a {level: *a}", "a group of keys is not one of"),
    "nested in blocks": ("".join(" " * n + "a:\n" for n in range(600)), "nested too deeply"),
    "UTF-16": ("log: {}".encode("utf-16"), ":1: not UTF-8 text"),
    "newer YAML": ("%YAML 9.9\n---\nlog: {}", "not valid YAML"),
    "C1 in the file": (b"log: {}\n# \xc2\x9b", ":2: not valid YAML: holds U+009B, not text"),
    "long text": ("audio: {device: " + "a" * 2000 + "}", "longer than the 1024 characters"),
    "bad YAML": ("log:\n  level: [", ":2: not valid YAML"),
    "no header": (
        "endpoint:\n  app_id: \u00a0",
        ":2: endpoint.app_id: contains characters that an",
    ),
    "tab": ("log:\n\tlevel: info", ":2: not valid YAML"),
    "unknown anchor": ("log: *a", ":1: not valid YAML: found undefined alias"),
    "own tag": ("log: {level: !!python/object:os.system x}", "is not allowed"),
    "two documents": ("log: {}\n---\nlog: {}", ":2: not valid YAML"),
    "not UTF-8": (b"log: {}\n# \xff", ":2: not UTF-8 text"),
    "NUL": (b"log: \0", ":1: not valid YAML: holds U+0000, not text"),
    "nested deeply": ("[" * 5000, "not valid YAML"),
    "oversized": (b"#" * (MAX_FILE_BYTES + 1), "larger than the 256 KiB"),
    "no such secret": ("endpoint: {session_key_file: nowhere}", "nowhere cannot be read"),
    "key without URL": ("endpoint: {api_key_file: kiosk.yaml}", "without token_url"),
    "key without URL, not used yet": (
        "\nendpoint: {url: '', api_key_file: kiosk.yaml}",
        ":2: endpoint.api_key_file: has no effect without token_url",
    ),
    "two ways to a token": (
        "\nendpoint: {session_key_file: kiosk.yaml, token_url: 'http://h/t'}",
        ":2: endpoint.token_url: a session key is given as well; keep one of the two",
    ),
    "network without protection": (
        "health: {address: 0.0.0.0}",
        ":1: health.address: 0.0.0.0 can be reached from other machines, which needs "
        "health.tls_certificate, health.tls_key, health.token_file; set them or use 127.0.0.1",
    ),
    "host name without protection": ("health: {address: kiosk}", "can be reached from other"),
    "not a secret": (
        "\nendpoint: {session_key_file: kiosk.yaml}",
        ":2: endpoint.session_key_file: ",
    ),
    "not a retarget file": (
        "\nplayback: {retarget: kiosk.yaml}",
        "not JSON",
    ),
    "no such retarget file": ("playback: {retarget: nowhere}", "nowhere cannot be read"),
    "certificate without key": (
        "health: {tls_certificate: kiosk.yaml}",
        "certificate and key belong together",
    ),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_told_with_its_line_and_what_is_allowed(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    path = write(tmp_path, text)
    found = problems(path)
    assert any(line.startswith(str(path)) and expected in line for line in found), found


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(write(tmp_path, b"\xef\xbb\xbflog: {level: debug}")).config.log.level == "debug"


ODD_WORDS = (
    "*a", "&a", "!!int", "!!binary", "!!timestamp", "<<", "=", "~", "|", ">", "? ", "0o17",
    "1:30", ".inf", "-.nan", "1e999", "2020-13-01", "\t",
    '"\\ud800"', '"\\0"', "%YAML 1.2", "---", "...",
)  # fmt: skip
WORDS = st.one_of(
    st.text(st.characters(), max_size=12),
    st.sampled_from(ODD_WORDS),
    st.sampled_from([*OPTIONS.keys(), *(key.partition(".")[2] for key in OPTIONS)]),
)
TEXTS = st.one_of(
    st.lists(
        st.tuples(WORDS, st.sampled_from([": ", "\n", "\n  ", " ", "{", "}", "[", "]", ","]))
    ).map(lambda pairs: "".join(word + mark for word, mark in pairs)),
    st.builds(
        lambda key, value: f"{key.partition('.')[0]}:\n  {key.partition('.')[2]}: {value}\n",
        st.sampled_from(sorted(OPTIONS)),
        WORDS,
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.one_of(TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary()))
def test_whatever_the_file_holds_check_ends_with_0_or_78_and_words(
    tmp_path: Path, text: bytes
) -> None:
    path = write(tmp_path, text)
    told = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["kioskd", "--config", str(path), "--check"]),
        contextlib.redirect_stderr(told),
        contextlib.redirect_stdout(told),
    ):
        status = cli.main(SignalThread())
    lines = told.getvalue().splitlines()
    assert status in (0, 78), lines
    assert lines
    assert all(line.isprintable() for line in lines)
    if status:
        # Whatever is read was read in some line, but for where reading itself ran out
        at = re.compile(
            rf"error: {re.escape(str(path))}(:\d+:|: not valid YAML: nested too deeply)"
        )
        assert all(at.match(line) for line in lines), lines


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        *(("", kind) for kind in ("FIFO", "folder", "device", "socket", "dangling", "endless")),
        *(
            (key, "FIFO")
            for key in (
                "playback.retarget",
                "health.token_file",
                "avatar.path",
                "health.tls_certificate",
                "endpoint.session_key_file",
            )
        ),
    ],
)
def test_what_is_no_file_is_told_and_never_waited_for(
    tmp_path: Path, root: Path, key: str, kind: str
) -> None:
    odd = no_file(tmp_path / "odd", kind)
    section, _, name = key.partition(".")
    config = write(tmp_path, f"{section}: {{{name}: odd}}\n") if key else odd
    result = subprocess.run(
        [sys.executable, "-m", "kioskd", "--config", str(config), "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == (0 if key == "avatar.path" else 78), result.stderr
    assert str(odd) in result.stderr
    assert "Traceback" not in result.stderr


def no_file(path: Path, kind: str) -> Path:
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to({"device": "/dev/zero", "dangling": "nowhere", "endless": path}[kind])
    return path


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("display.widht=1", "--set display.widht: unknown option; did you mean display.width?"),
        ("display.width", "--set display.width: has no value"),
        ("display.width=wide", "--set display.width: 'wide' is not a whole number"),
        ("display.width={", "--set display.width: '{' is not a whole number"),
        ("=", "--set : unknown option"),
        ("health.token_file=/nowhere", "--set health.token_file: /nowhere cannot be read"),
        ("display.width=", "--set display.width: an empty value is not a whole number"),
        ("display.width=[1]", "--set display.width: a list is not a whole number"),
        ("display.width=2024-99-99", "--set display.width: '2024-99-99' is not a whole number"),
        ("display.width=!!bool perhaps", "--set display.width: 'perhaps' is not a whole number"),
        ("display.width=1" + "0" * 5000, "--set display.width: '1000"),
        ("audio.device=\udcff", "--set audio.device: contains a control character"),
        ("avatar.path=\udcff", "--set avatar.path: contains a control character"),
        ("\udcff=1", "--set \udcff: unknown option"),
        ("display.width=" + "[" * 5000, "--set display.width: '[[["),
    ],
)
def test_a_wrong_override_is_told(tmp_path: Path, override: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in problems(write(tmp_path, ""), override))


def test_a_retarget_file_of_ones_own_is_taken(tmp_path: Path, root: Path) -> None:
    packaged = root / "driving_client/retarget/flame_to_arkit.json"
    write(tmp_path, packaged.read_bytes(), "mine.json")
    config = load(write(tmp_path, "playback: {retarget: mine.json}")).config
    assert config.playback.retarget == str(tmp_path / "mine.json")


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "log: {level: loud}\ndisplay: {width: -1, height: -1}\n")
    write(tmp_path, "audio: {volume: 2}\nnonsense: 1\n", "kiosk.d/1.yaml")
    assert len(problems(path, "health.address=::")) == 6


def test_a_missing_file_says_how_to_mend_it(tmp_path: Path) -> None:
    [line] = problems(tmp_path / "none.yaml")
    assert "none.yaml: cannot be read (No such file or directory); create it or name" in line


def test_a_secret_is_one_line(tmp_path: Path) -> None:
    write(tmp_path, "two words\n", "key")
    with pytest.raises(ConfigError, match="one line with the secret"):
        read_secret(str(tmp_path / "key"))
    write(tmp_path, "a" * (MAX_SECRET_BYTES + 1), "key")
    with pytest.raises(ConfigError, match="larger than the 16 KiB"):
        read_secret(str(tmp_path / "key"))
    # Blank to a person, and not to the rule that a file must not be empty
    write(tmp_path, "\u00a0\n", "key")
    with pytest.raises(ConfigError, match="one line with the secret"):
        read_secret(str(tmp_path / "key"))


@pytest.mark.parametrize("name", ["session_key_file", "api_key_file"])
def test_a_secret_that_no_header_takes_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    write(tmp_path, "schlüssel\n", "key")
    asked = "token_url: 'http://h/t', " if name == "api_key_file" else ""
    path = write(tmp_path, f"\nendpoint: {{{asked}{name}: key}}\n")
    [line] = problems(path)
    assert line.startswith(
        f"{path}:2: endpoint.{name}: contains characters that an HTTP header cannot carry"
    )


def test_what_is_loaded_is_what_the_link_takes(tmp_path: Path) -> None:
    write(tmp_path, "one\n", "key")
    link = load(write(tmp_path, "endpoint: {session_key_file: key, app_id: a}\n")).link
    assert link is not None
    assert (link.session_key, link.app_id, link.dialect) == ("one", "a", Config().endpoint.dialect)
    assert load(write(tmp_path, "endpoint: {url: ''}\n")).link is None


def test_a_link_that_leads_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = write(tmp_path, "endpoint: {session_key_file: loop}\navatar: {path: loop}\n")
    [line] = problems(path)
    assert line.startswith(f"{path}:1: endpoint.session_key_file: {tmp_path / 'loop'} cannot be")


def test_the_default_endpoint_is_the_embedded_one_on_this_machine() -> None:
    address = urlsplit(Config().endpoint.url)
    assert (address.hostname, address.port) == ("127.0.0.1", DEFAULT_PORT)


def test_only_what_changed_is_named() -> None:
    config = Config()
    other = load_overrides("log.level=debug", "display.width=5")
    assert [row.key for row in changed(config, other)] == ["display.width", "log.level"]
    assert [row.rule.live for row in changed(config, other)] == [False, True]
    assert not changed(config, Config())


def load_overrides(*overrides: str) -> Config:
    return load(Path("/dev/null"), overrides).config


@pytest.mark.parametrize("row", OPTIONS.values(), ids=OPTIONS)
def test_every_default_obeys_its_own_row(row: object) -> None:
    assert row.default == check_value(row, row.default)  # type: ignore[attr-defined]


@given(st.text(max_size=200))
def test_any_text_is_either_a_configuration_or_a_named_error(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text, "utf-8", errors="surrogatepass")
    try:
        config = load(path).config
    except ConfigError as error:
        told = error.problems
    else:
        told = tuple(flatten(config))
    assert told


@pytest.mark.parametrize(
    ("name", "current"),
    [("kiosk.schema.json", json.dumps(schema(), indent=2) + "\n"), ("README.md", reference())],
)
def test_documents_are_in_step_with_the_table(root: Path, name: str, current: str) -> None:
    assert (root / "config" / name).read_text("utf-8") == current, (
        f"config/{name} is out of date: run `python -m kioskd.config schema -o "
        "config/kiosk.schema.json` and `... reference -o config/README.md`"
    )


def test_the_generator_says_when_it_cannot_write(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "kioskd.config", "reference", "-o", str(tmp_path / "no/x")]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
