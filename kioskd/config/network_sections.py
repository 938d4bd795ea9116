# SPDX-License-Identifier: Apache-2.0
"""The rows of the table of options that are about other machines; see `kioskd.config.sections`."""

from __future__ import annotations

from dataclasses import dataclass

from driving_client.link.settings import DIALECTS
from driving_client.sample_rates import SAMPLE_RATES
from kioskd.config.options import Kind, option


@dataclass(frozen=True, slots=True)
class EndpointSection:
    """The driving endpoint that the motion, and with `relay` also the voice, comes from."""

    url: str = option(
        "ws://127.0.0.1:8090/relay",
        "Its address; `wss://` for anything beyond this machine. Empty for none.",
        kind=Kind.WEBSOCKET_URL,
        live=True,
    )
    dialect: str = option(
        "relay",
        "`relay`: a backend sends voice and motion. `driveningress`: the voice comes by "
        "POST /v1/speak and the endpoint answers it with motion.",
        choices=DIALECTS,
        live=True,
    )
    avatar_id: str = option("", "The avatar's id at the endpoint.", live=True)
    app_id: str = option("", "The application's id at the endpoint.", live=True)
    session_key_file: str = option(
        "", "Holds the session key, if one is used.", kind=Kind.SECRET_FILE, live=True
    )
    token_url: str = option(
        "",
        "Where session tokens come from: the endpoint's console with `api_key_file`, or your "
        "own backend without it.",
        kind=Kind.HTTP_URL,
        live=True,
    )
    api_key_file: str = option(
        "", "Holds the API key sent to `token_url`.", kind=Kind.SECRET_FILE, live=True
    )
    ca_file: str = option(
        "",
        "Certificates (PEM) of an authority that the system does not know: trusted besides the "
        "system's for `url`, `token_url` and `say_url`.",
        kind=Kind.FILE,
        live=True,
    )
    sample_rate: int = option(
        16000,
        "Sample rate of the voice that the endpoint is asked for, in Hz.",
        choices=SAMPLE_RATES,
        live=True,
    )
    voice: str = option(
        "",
        "The voice that a relay is asked for: a name that it knows, or a language such as `de`. "
        "Empty: language, sex and pitch as the avatar has them.",
        live=True,
    )
    motion_offset_ms: float = option(
        0.0,
        "A property of the endpoint: how much later than i/25 s its frame i is shown.",
        minimum=-1000,
        maximum=1000,
        live=True,
    )
    connect_timeout_s: float = option(
        10.0, "Time for connecting and confirming a session.", minimum=1, maximum=60, live=True
    )
    say_url: str = option(
        "",
        "Where the console's text box posts what the avatar is to say; empty for no text box.",
        kind=Kind.HTTP_URL,
        live=True,
    )


@dataclass(frozen=True, slots=True)
class NetworkSection:
    """The way out of a company's network, for all that goes to the endpoint."""

    proxy: str = option(
        "",
        "An HTTP proxy for `https://` and `wss://` addresses but those of this machine; others "
        "go straight. Empty: what the environment's HTTPS_PROXY or ALL_PROXY names. NO_PROXY "
        "holds for either.",
        kind=Kind.PROXY,
        live=True,
    )
    proxy_login_file: str = option(
        "",
        "Holds `user:password` for `proxy`, if it wants one.",
        kind=Kind.SECRET_FILE,
        live=True,
    )


@dataclass(frozen=True, slots=True)
class VoiceSection:
    """POST /v1/speak: a voice made by one's own software, on this board or in the network."""

    enabled: bool = option(True, "Whether POST /v1/speak is answered.", live=True)


@dataclass(frozen=True, slots=True)
class HealthSection:
    """The HTTP server: health, metrics, screenshot, console page and voice input."""

    enabled: bool = option(True, "Whether the server runs.")
    address: str = option(
        "127.0.0.1",
        "Where it listens; `::` is every address, IPv6 and IPv4. Anything but loopback needs "
        "`tls_certificate`, `tls_key` and `token_file`; kioskd does not start without them.",
        kind=Kind.HOST,
    )
    port: int = option(8080, "0 takes any free port and logs which.", minimum=0, maximum=65535)
    tls_certificate: str = option("", "The server's certificate chain, PEM.", kind=Kind.FILE)
    tls_key: str = option("", "The certificate's key, PEM.", kind=Kind.SECRET_FILE)
    token_file: str = option(
        "",
        "Holds the token that requests must carry: `Authorization: Bearer TOKEN`, or the "
        "password that a browser asks for.",
        kind=Kind.SECRET_FILE,
    )
    console: bool = option(True, "Whether the console page is served at `/`.")
    temperature_limit_c: float = option(
        90.0, "Warn above this temperature of the board.", minimum=40, maximum=125, live=True
    )
