# SPDX-License-Identifier: Apache-2.0
"""The rows of the table of options: every key of `kiosk.yaml`, with type, bounds, default and help.

A section is a frozen dataclass and a row is one of its fields, so that the rest of the
daemon reads options as typed attributes. `kioskd.config.table` puts them together; the JSON schema
and the reference page under config/ are generated from it (`python -m kioskd.config`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from driving_client.link.settings import DIALECTS
from driving_client.sample_rates import SAMPLE_RATES
from kioskd.config.options import Kind, option

_PACKAGE = Path(__file__).resolve().parents[1]
# Of a checkout and of a board's image; the packaged one, with fewer splats, where kioskd was
# installed by pip
_AVATARS = (_PACKAGE.parent / "config/avatars/default.avatar", _PACKAGE / "default.avatar")
DEFAULT_AVATAR = str(next((path for path in _AVATARS if path.exists()), _AVATARS[0]))


@dataclass(frozen=True, slots=True)
class AvatarSection:
    """Which avatar is shown."""

    path: str = option(
        "",
        "The avatar bundle (made by `python -m splat_gles import`); empty for the default "
        "avatar. If it cannot be loaded, health says so and the default avatar is shown.",
        kind=Kind.FILE,
    )
    yaw_degrees: float = option(
        0.0, "Turns the avatar, positive to its own left.", minimum=-60, maximum=60
    )


@dataclass(frozen=True, slots=True)
class DisplaySection:
    """Where and how the picture is shown."""

    driver: str = option(
        "auto",
        "`auto` opens a window on a desktop, else uses the screen itself (KMS). A board "
        "without one waits for it, as `kmsdrm` does anywhere; another machine draws offscreen: "
        "then the console page shows the picture.",
        choices=("auto", "kmsdrm", "x11", "wayland", "offscreen"),
    )
    width: int = option(
        0, "Pixels; 0 for the whole screen (540 offscreen).", minimum=0, maximum=4096
    )
    height: int = option(
        0, "Pixels; 0 for the whole screen (960 offscreen).", minimum=0, maximum=4096
    )
    frame_rate: float = option(
        0.0,
        "Frames a second at most; 0 follows the screen, and is 30 offscreen, where no screen "
        "sets the pace.",
        minimum=0,
        maximum=120,
    )
    latency_ms: float = option(
        15.0,
        "From the end of drawing to light on the panel; the face is drawn that much ahead.",
        minimum=0,
        maximum=200,
    )
    rotate: int = option(
        0,
        "Degrees by which the picture is turned clockwise, for a panel mounted on its side.",
        choices=(0, 90, 180, 270),
    )
    background: str = option("#ffffff", "Colour behind the avatar.", kind=Kind.COLOUR)


@dataclass(frozen=True, slots=True)
class AudioSection:
    """The sound card, which is also the clock of speech."""

    enabled: bool = option(True, "Whether speech is heard; the lips move in any case.")
    device: str = option(
        "auto",
        "ALSA's name of the device (`aplay -L` lists them; never use numbers, they change), or "
        "`auto`: the first card that fits `match`, and ALSA's `default` where none does.",
    )
    match: str = option(
        "",
        "Patterns for `auto`, separated by commas, best first: `*` and `?` as in file names, in "
        "either case, against a card's id, names and path in /sys. Empty: those of the board.",
    )
    latency_ms: float = option(
        0.0,
        "From the sound card to the ear beyond what ALSA knows, such as a television's.",
        minimum=0,
        maximum=1000,
    )
    buffer_ms: int = option(
        120,
        "How much sound is buffered ahead; more survives a busier board.",
        minimum=100,
        maximum=1000,
    )
    volume: float = option(1.0, "Loudness of speech.", minimum=0, maximum=1)


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
class PlaybackSection:
    """How voice and motion are put together when one of them is late, and gestures."""

    motion_wait_ms: float = option(
        300.0,
        "How long a voice waits for its first motion; then it begins, and its lips follow its "
        "sound until motion comes.",
        minimum=0,
        maximum=2000,
    )
    audio_only_after_s: float = option(
        15.0,
        "After this long without a connection, or without motion for speech that is heard, the "
        "endpoint is given up until motion comes again: speech counts as audio-only, its lips "
        "follow its sound, and it waits for nothing.",
        minimum=1,
        maximum=120,
    )
    hold_frames: int = option(
        10,
        "Frames of 40 ms that the face holds when motion stops during speech; then its lips follow "
        "the sound.",
        minimum=0,
        maximum=50,
    )
    ease_in_frames: int = option(
        8,
        "Frames of 40 ms from idle into speech, for head and upper face; the mouth joins in 2.",
        minimum=1,
        maximum=50,
    )
    ease_out_frames: int = option(
        20, "Frames of 40 ms from speech to idle.", minimum=1, maximum=100
    )
    ease_disconnect_frames: int = option(
        12,
        "Frames of 40 ms to idle when motion is lost, or, for all but the mouth, to lips that "
        "follow the sound.",
        minimum=1,
        maximum=100,
    )
    gesture_limit_s: float = option(
        60.0,
        "A gesture asked for by POST /v1/gesture gives way to idle after this long, so that "
        "software that has crashed does not leave the avatar listening for ever. Asking for the "
        "same one again restarts the time.",
        minimum=1,
        maximum=3600,
    )
    retarget: str = option(
        "",
        "How the endpoint's FLAME motion becomes the avatar's: a file made by `python -m "
        "driving_client fit`; empty for the packaged one.",
        kind=Kind.FILE,
    )


@dataclass(frozen=True, slots=True)
class IdleSection:
    """What makes the face alive by itself, at idle and on top of speech."""

    enabled: bool = option(
        True, "Blinks, gaze, breath, postures, nods, smiles; without it a pose is held still."
    )
    blinks_per_minute: float = option(
        16.0, "On average, at rest; half as many again while speaking.", minimum=0, maximum=60
    )
    gaze_degrees: float = option(
        10.0,
        "How far looks away from the visitor go on average; with 0 the eyes stay on them.",
        minimum=0,
        maximum=15,
    )
    breath: float = option(
        1.0, "How visible breath and sway are; 0 for not at all.", minimum=0, maximum=2
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


@dataclass(frozen=True, slots=True)
class LogSection:
    """The log: journald under systemd, otherwise lines on standard error."""

    level: str = option(
        "info",
        "Lines less important than this are left out.",
        choices=("debug", "info", "warning", "error"),
        live=True,
    )
