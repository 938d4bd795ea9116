# SPDX-License-Identifier: Apache-2.0
"""Addresses: what is taken works in every layer below, and what is not is told in words."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from driving_client.address import (
    HTTP,
    WEBSOCKET,
    check_host,
    check_url,
    is_loopback,
    origin,
    without_secrets,
)
from driving_client.errors import AddressError

GOOD = (
    "ws://127.0.0.1:8090/relay",
    "wss://motion.example.com/v1/websocket?id=1",
    "WS://Host",
    "ws://kiosk_backend:80",
    "ws://[::1]:8090",
    "ws://[2001:db8::1]",
    "ws://münchen.example",
    "ws://xn--mnchen-3ya.example",
    "ws://host.",
    "ws://" + "a" * 63 + ".de",
    "ws://host:65535/päth/%zz",
    "ws://3com.example",
)


@pytest.mark.parametrize("url", GOOD)
def test_usable_addresses_are_taken(url: str) -> None:
    check_url(url, WEBSOCKET)
    host = yarl.URL(url).raw_host
    assert host is not None
    host.encode("idna")  # what the resolver does with it


BAD = {
    "": "is empty",
    "host:80": "write ws://host:port/path",
    "/path": "write ws://",
    "http://host": "write ws://",
    "ws:host": "write ws://",
    "ws://": "write ws://",
    "ws:///path": "write ws://",
    "ws://:80": "names no host",
    "ws://.": "names no host",
    "ws://a..b": "empty part between two dots",
    "ws://.host": "empty part",
    "ws://host..": "empty part",
    "ws://" + "a" * 64 + ".de": "longer than 63",
    "ws://" + "ü" * 64 + ".de": "is not a name",
    "ws://" + ".".join(["a" * 60] * 5): "longer than 253",
    "ws://ho st": "blanks",
    "ws://host/a b": "blanks",
    " ws://host": "blanks",
    "ws://host\n": "line breaks",
    "ws://ho\tst": "line breaks",
    "ws://host/\x00": "control characters",
    "ws://host/\u202e": "control characters",
    "ws://host/\ud800": "control characters",
    "ws://ho%73t": "letters, digits and hyphens",
    "ws://host!": "letters, digits and hyphens",
    "ws://-host": "letters, digits and hyphens",
    "ws://host-.de": "letters, digits and hyphens",
    "ws://a\\b": "letters, digits and hyphens",
    "ws://xn--ü": "is not a name",
    "ws://u@host": "user name or password",
    "ws://user:secret@host": "user name or password",
    "ws://good.com\\@bad": "user name or password",
    "ws://host:": "not a number from 1 to 65535",
    "ws://host:0": "not a number from 1 to 65535",
    "ws://host:99999": "not a number from 1 to 65535",
    "ws://host:+80": "not a number from 1 to 65535",
    "ws://host:-1": "not a number from 1 to 65535",
    "ws://host:8a": "not a number from 1 to 65535",
    "ws://host:٨٠": "not a number from 1 to 65535",
    "ws://host:" + "9" * 5000: "not a number from 1 to 65535",
    "ws://host#": "fragment",
    "ws://host/#part": "fragment",
    "ws://[::1": "cannot be parsed",
    "ws://[::g]": "",
    "ws://[::1]80": "",
    "ws://::1": "IPv6 address must be in brackets",
    "ws://[fe80::1%25eth0]": "",
    "ws://[127.0.0.1]": "",
    "ws://256.1.1.1": "not an IPv4 address",
    "ws://1.2.3": "not an IPv4 address",
    "ws://127.1": "not an IPv4 address",
    "ws://0x7f000001": "not an IPv4 address",
    "ws://2130706433": "not an IPv4 address",
    "ws://a／b": "",
    "ws://user:secret@a／b": "",
    "user:secret@a:8080": "write ws://",
    "secret@a:8080": "write ws://",
    "ws://me:secret/x@a": "secrets come only",
    "ws://me:secret?x@a:1": "secrets come only",
    "ws://me:secret#x@a:1": "secrets come only",
}


@pytest.mark.parametrize(("url", "told"), BAD.items(), ids=[ascii(url)[:40] for url in BAD])
def test_each_way_in_which_an_address_is_bad_is_told(url: str, told: str) -> None:
    with pytest.raises(AddressError) as caught:
        check_url(url, WEBSOCKET)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value).replace("secrets come only", "")
    assert str(caught.value).isprintable()
    assert without_secrets(url).isprintable()
    assert "secret" not in without_secrets(url)
    assert origin(url).isprintable()


@given(st.text())
def test_any_text_is_taken_or_refused_and_what_is_taken_can_be_asked_for(text: str) -> None:
    for url in (text, f"http://{text}", f"http://{text}/x", f"http://host:{text}"):
        shown = without_secrets(url) + origin(url)
        try:
            check_url(url, HTTP)
        except AddressError as refused:
            shown += str(refused)
            continue
        finally:
            assert shown.isprintable()
        host = yarl.URL(url).raw_host
        assert host is not None
        host.encode("idna")


@given(
    st.from_regex(
        r"(https?|ws)://([a-z0-9ü_%@:\[\].-]{0,70}\.){0,4}[a-z0-9ß-]{0,3}(:[0-9]{0,6})?(/.?)?",
        fullmatch=True,
    )
)
def test_what_looks_like_an_address_is_no_surprise_to_the_layers_below(url: str) -> None:
    try:
        check_url(url, (*HTTP, *WEBSOCKET))
    except AddressError:
        return
    host = yarl.URL(url).raw_host
    assert host is not None
    host.encode("idna")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", "0.0.0.0", "localhost", "kiosk.local"])
def test_a_host_to_listen_on_is_an_address_or_a_name(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize(
    "host", ["", "a b", "a..b", "1.2.3.4.5", "[::1]", "::g", "h:80", "fe80::1%eth0", "x" * 64]
)
def test_a_host_that_nobody_can_listen_on_is_refused(host: str) -> None:
    with pytest.raises(AddressError):
        check_host(host)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("::1%lo", True),
        ("::ffff:192.0.2.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("kiosk", False),
        ("", False),
    ],
)
def test_loopback_is_known_however_it_is_written(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_the_rule_is_had_without_numpy() -> None:
    code = "import sys, driving_client.address; print('numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


@pytest.mark.parametrize("option", [["--host", "a..b"], ["--host", ""], ["--port", "x"]])
def test_the_embedded_endpoint_refuses_where_it_cannot_listen(option: list[str]) -> None:
    command = [sys.executable, "-m", "driving_client.endpoint", *option]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
