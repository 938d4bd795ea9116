# SPDX-License-Identifier: Apache-2.0
"""What an address must be for this project to use it: the one rule, for files and at run time.

urlsplit takes nearly everything and silently drops line breaks; what it lets through fails
later, deep in a resolver, as a UnicodeError that nobody expects there (a label of more than 63
characters, an empty one). So every part is checked here before anything is done with it. Left out
on purpose: whether the name exists, which changes by the hour. Imports nothing but the standard
library: commands that only read a configuration use it too.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from driving_client.errors import AddressError
from driving_client.texts import excerpt

HTTP: Final = ("http", "https")
WEBSOCKET: Final = ("ws", "wss")

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE)
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LONGEST_LABEL: Final = 63
_LONGEST_NAME: Final = 253
_LONGEST_SHOWN: Final = 60


def check_url(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of a usable address of one of these schemes; raises AddressError with the reason.

    A reason never repeats a user name, a password or a query: secrets may stand there.
    """
    _check_characters(url)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        # Not urlsplit's words: they repeat what may hold a password
        raise AddressError("it cannot be parsed; check host and brackets") from error
    if parts.scheme not in schemes or not parts.netloc:
        raise AddressError(f"write {schemes[0]}://host:port/path")
    if "@" in parts.netloc or _holds_login(url):
        raise AddressError("it contains a user name or password; secrets come only from files")
    if "#" in url:
        raise AddressError("a fragment (#…) is never sent; leave it out")
    host, port = _host_and_port(parts.netloc)
    _check_host(host)
    if port is not None and not _is_port(port):
        raise AddressError(f"its port {_shown(port)} is not a number from 1 to 65535")
    return parts


def check_host(host: str) -> None:
    """Raise AddressError unless this is an IP address (without brackets) or a host name."""
    _check_characters(host)
    if ":" in host:
        _check_ipv6(host)
    else:
        _check_host(host)


def plain_address(address: str) -> str:
    """The address, as IPv4 where it is one in IPv6's form (`::ffff:192.0.2.1`); names stay."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or address)


def is_loopback(address: str) -> bool:
    """Whether it means this machine alone, where one listens, comes from or asks.

    `::ffff:127.0.0.1` does: Python 3.13's ipaddress says so, 3.11's does not.
    """
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain_address(address.partition("%")[0])).is_loopback
    except ValueError:
        return False


def without_secrets(url: str) -> str:
    """The address for people, short and on one line: no user name, password or query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _shown(url.partition("?")[0].rpartition("@")[2])
    if "@" not in parts.netloc and _holds_login(url):
        scheme = f"{parts.scheme}://" if "://" in url else ""
        return _shown(f"{scheme}…@{url.rpartition('@')[2].partition('?')[0]}")
    netloc = parts.netloc.rpartition("@")[2]
    query = "…" if parts.query else ""
    return _shown(urlunsplit((parts.scheme, netloc, parts.path, query, "")))


def origin(url: str) -> str:
    """Scheme, host and port of an address that somebody else wrote, for messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid address"
    if not parts.netloc:
        return "another path of the same origin"
    return _shown(f"{parts.scheme or 'the same scheme'}://{parts.netloc.rpartition('@')[2]}")


def _holds_login(url: str) -> bool:
    """Whether a user and a password are written where no parser sees them as such.

    Without a scheme, as in `user:password@host`, or cut in two by a `/`, `?` or `#` in a password.
    """
    before, at, _ = url.rpartition("@")
    if not at:
        return False
    _, slashes, rest = before.partition("://")
    if not slashes:
        return True
    host, colon, port = re.split("[/?#]", rest, maxsplit=1)[0].rpartition(":")
    return bool(colon and host) and "@" not in rest and "]" not in port and not _is_port(port)


def _check_characters(text: str) -> None:
    if not text:
        raise AddressError("it is empty")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise AddressError("it contains blanks, line breaks or control characters; remove them")


def _host_and_port(netloc: str) -> tuple[str, str | None]:
    """The two sides of the last colon outside brackets; None where no port is named."""
    if netloc.startswith("["):
        address, bracket, rest = netloc.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressError(
                "an IPv6 address must be in brackets, then :port, such as [::1]:8080"
            )
        return address + bracket, rest[1:] if rest else None
    if netloc.count(":") > 1:
        raise AddressError("an IPv6 address must be in brackets, such as [::1]:8080")
    host, colon, port = netloc.partition(":")
    return host, port if colon else None


def _check_host(host: str) -> None:
    if host.startswith("["):
        _check_ipv6(host[1:-1])
        return
    name = host.removesuffix(".")
    if not name:
        raise AddressError("it names no host")
    labels = [_ascii_label(label) for label in name.split(".")]
    if len(".".join(labels)) > _LONGEST_NAME:
        raise AddressError(f"its host is longer than {_LONGEST_NAME} characters")
    if labels[-1].isdigit() or labels[-1].lower().startswith("0x"):
        _check_ipv4(name)


def _ascii_label(label: str) -> str:
    """A label as the name service gets it; raises AddressError."""
    if not label:
        raise AddressError("its host has an empty part between two dots")
    written = label
    if not label.isascii():
        try:
            written = label.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise AddressError(f"its host part {_shown(label)} is not a name ({error})") from error
    if len(written) > _LONGEST_LABEL:
        raise AddressError(
            f"its host part {_shown(label)} is longer than {_LONGEST_LABEL} characters"
        )
    if not _LABEL.fullmatch(written):
        raise AddressError(
            f"its host part {_shown(label)} is not a name: letters, digits and hyphens within"
        )
    return written


def _check_ipv4(host: str) -> None:
    try:
        ipaddress.IPv4Address(host)
    except ValueError as error:
        raise AddressError(
            f"its host {_shown(host)} is not an IPv4 address; four numbers up to 255 are one"
        ) from error


def _check_ipv6(address: str) -> None:
    if "%" in address:
        raise AddressError(
            "an IPv6 address with a zone (%…) means something else on every machine; "
            "use one without, or a name"
        )
    try:
        ipaddress.IPv6Address(address)
    except ValueError as error:
        raise AddressError(f"its host {_shown(address)} is not an IPv6 address") from error


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and 1 <= int(text) <= 65535


def _shown(text: str) -> str:
    return excerpt(text, _LONGEST_SHOWN)
