# SPDX-License-Identifier: Apache-2.0
"""Makes the one kind of HTTP client that this project goes out with.

Its bodies come as they are: a few compressed bytes may be a gigabyte, and what is read is small
anyway. Trust and proxy are those of the settings, whatever is asked; what a proxy answers in the
place of whom it should lead to is told in words.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientMiddlewareType

from driving_client.address import without_secrets
from driving_client.errors import AddressError
from driving_client.link.meter import Meter
from driving_client.link.network import NetworkSettings, Proxy, proxy_for
from driving_client.texts import excerpt

_NOT_FROM_HERE: Final = (502, 503, 504)


class NoWayError(aiohttp.ClientError):
    """No proxy leads there, or somebody else answers; the message says so for people."""


def uncompressed(
    network: NetworkSettings,
    timeout: aiohttp.ClientTimeout | None = None,
    middlewares: Sequence[ClientMiddlewareType] = (),
    meter: Meter | None = None,
) -> aiohttp.ClientSession:
    """A client session that asks for bodies as they are and unpacks none.

    `meter` counts what comes; by default one of its own, for answers.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=(meter or Meter()).socket,
            ssl=_trusting(network.authority) if network.authority else True,
        ),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        timeout=timeout or aiohttp.ClientTimeout(),
        middlewares=(*middlewares, _through_proxy(network)),
    )


def _through_proxy(network: NetworkSettings) -> ClientMiddlewareType:
    async def send(
        request: aiohttp.ClientRequest, handler: ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            proxy = proxy_for(network, str(request.url))
        except AddressError as error:
            raise NoWayError(str(error)) from error
        if proxy is not None:
            request.update_proxy(type(request.url)(proxy.url), None, proxy.headers)
        where = f"{request.url.host}:{request.url.port}"
        try:
            return await handler(request)
        except aiohttp.ClientConnectorCertificateError as error:
            raise NoWayError(_not_accepted(error, where)) from error
        except aiohttp.ClientError as error:
            if proxy is None:
                raise
            told = f"the proxy {without_secrets(proxy.url)} {_told(error, where, proxy)}"
            raise NoWayError(told) from error

    return send


def _told(error: aiohttp.ClientError, where: str, proxy: Proxy) -> str:
    """What a proxy has done instead of leading to the address, and what to do about it."""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"cannot be reached ({error.strerror or error.os_error}); check its address"
    if not isinstance(error, aiohttp.ClientHttpProxyError):
        return f"gives no way to {where}: {excerpt(str(error)) or type(error).__name__}"
    if error.status == 407:
        wanted = error.headers.get("Proxy-Authenticate", "") if error.headers else ""
        if wanted and "basic" not in wanted.lower():
            return f"wants {excerpt(wanted)} (407); it must take a name and a password (Basic)"
        if proxy.login:
            return "does not accept the name and password for it (407)"
        return "wants a name and a password (407); see network.proxy_login_file"
    if error.status == 403:
        return f"forbids the way to {where} (403); its administrator must allow it"
    if error.status in _NOT_FROM_HERE:
        return f"cannot reach {where} ({error.status})"
    return f"refuses the way to {where} ({error.status} {excerpt(error.message)})"


def _not_accepted(error: aiohttp.ClientConnectorCertificateError, where: str) -> str:
    """Also where a proxy of the company reads along and shows its own certificate."""
    cause = error.certificate_error
    why = str(getattr(cause, "verify_message", "") or cause)
    hint = (
        "; endpoint.ca_file names an authority to trust" if "issuer" in why or "self" in why else ""
    )
    return f"{where} shows a certificate that is not accepted: {excerpt(why)}{hint}"


@lru_cache(maxsize=4)
def _trusting(authority: str) -> ssl.SSLContext:
    """Kept, as aiohttp keeps its own: reading the system's takes tens of milliseconds."""
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=authority)
    # An authority in the middle of a chain will do, or the server's own certificate
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
