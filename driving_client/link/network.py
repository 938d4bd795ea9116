# SPDX-License-Identifier: Apache-2.0
"""Which way connections go out: whom they trust beside the system, and through which proxy.

Only https and wss go through a proxy, by CONNECT: it carries bytes that it cannot read, and no
credential is ever handed to it but its own. http and ws go straight, and so does whatever is asked
of this very machine. Left out on purpose: proxies that are themselves asked over TLS, SOCKS,
configuration scripts (PAC), and proxies that want more than a name and a password.
"""

from __future__ import annotations

import base64
import ipaddress
import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from driving_client.address import check_url, is_loopback, without_secrets
from driving_client.errors import AddressError

_CARRIED: Final = ("https", "wss")
_PORTS: Final = {"https": 443, "wss": 443}
_EXAMPLE: Final = "http://proxy.example.org:3128"


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How connections go out; empty texts for what is not given.

    `proxy` is an HTTP proxy's address, `login` its `user:password`; without one the environment's
    HTTPS_PROXY or ALL_PROXY holds. NO_PROXY holds for either. `authority` is PEM of certificates
    that are trusted besides the system's.
    """

    proxy: str = ""
    login: str = field(default="", repr=False)
    authority: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's address, without the `user:password` that it is told by a header."""

    url: str
    login: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy is told beside the host."""
        if not self.login:
            return {}
        basic = base64.b64encode(self.login.encode()).decode()
        return {"Proxy-Authorization": f"Basic {basic}"}


def check_proxy(url: str) -> None:
    """Raise AddressError unless this is the address of an HTTP proxy, without a user's name."""
    scheme = url.partition("://")[0].lower()
    if scheme.startswith("socks"):
        raise AddressError(f"SOCKS is not supported; name an HTTP proxy, such as {_EXAMPLE}")
    if scheme == "https":
        raise AddressError(f"a proxy is asked without TLS, such as {_EXAMPLE}")
    parts = check_url(url, ("http",))
    if parts.path not in ("", "/") or parts.query:
        raise AddressError("a proxy has no path; write http://host:port")


def proxy_for(network: NetworkSettings, url: str) -> Proxy | None:
    """The proxy through which an address is reached; None straight.

    Raises AddressError for a proxy of the environment that cannot be used.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in _CARRIED or is_loopback(host) or _excepted(parts):
        return None
    if network.proxy:
        return Proxy(network.proxy, network.login)
    named = getproxies_environment()
    found = named.get("https") or named.get("all") or ""
    return _of_environment(found) if found else None


def by_way_of(network: NetworkSettings, url: str) -> str:
    """The end of a message about an address that does not answer; empty without a proxy."""
    try:
        proxy = proxy_for(network, url)
    except (AddressError, ValueError):
        return ""
    return f" by way of the proxy {without_secrets(proxy.url)}" if proxy else ""


def _of_environment(text: str) -> Proxy:
    """A proxy as people write it there: with a user and password, or without `http://`."""
    url = text if "://" in text else f"http://{text}"
    scheme, _, rest = url.partition("://")
    login, _, host = rest.rpartition("@")
    try:
        check_proxy(f"{scheme}://{host}")
    except AddressError as error:
        raise AddressError(
            f"the environment's HTTPS_PROXY or ALL_PROXY ({without_secrets(url)}): {error}"
        ) from error
    return Proxy(f"{scheme}://{host}", unquote(login))


def _excepted(parts: SplitResult) -> bool:
    """Whether NO_PROXY names the host: by a name's end as everywhere, or by its network."""
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(proxy_bypass(f"{host}:{parts.port or _PORTS[parts.scheme]}"))
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    entries = [entry.strip() for entry in listed.split(",")]
    return "*" in entries or any(_within(address, entry) for entry in entries)


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
