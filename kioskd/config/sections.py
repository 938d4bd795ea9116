# SPDX-License-Identifier: Apache-2.0
"""The rows of the table of options: every key of `kiosk.yaml`, with type, bounds, default and help.

Those that are about other machines are in `kioskd.config.network_sections`.

A section is a frozen dataclass and a row is one of its fields, so that the rest of the
daemon reads options as typed attributes. `kioskd.config.table` puts them together; the JSON schema
and the reference page under config/ are generated from it (`python -m kioskd.config`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kioskd.config.options import Kind, option
from kioskd.ears.settings import POLICIES, WAKE_WORDS

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
    latency_ms: float | str = option(
        0.0,
        "From the sound card to the ear beyond what ALSA knows, such as a television's. `auto` "
        "measures it by the microphone (`ears.enabled`) while the kiosk speaks and remembers it.",
        kind=Kind.MEASURED,
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
class EarsSection:
    """The microphone: visitors are heard, and may interrupt. Off unless configured."""

    enabled: bool = option(
        False, "Whether the microphone is opened; a mark on the screen shows it."
    )
    device: str = option(
        "auto",
        "ALSA's name of the microphone (`arecord -L` lists them; never use numbers, they change), "
        "or `auto`: the first card that fits `match`, and ALSA's `default` where none does.",
    )
    match: str = option("", "Patterns for `auto`, as `audio.match`. Empty: those of the board.")
    latency_ms: float = option(
        0.0,
        "What the microphone's path takes beyond what ALSA knows; some USB microphones have "
        "10 to 30.",
        minimum=0,
        maximum=500,
    )
    policy: str = option(
        "auto",
        "`barge_in`: a visitor who speaks makes the avatar fall silent. `half_duplex`: it hears "
        "nothing while it speaks. `auto`: the first while its own voice is cancelled well enough.",
        choices=POLICIES,
    )
    end_of_turn_ms: int = option(
        700, "Silence after which a visitor has finished.", minimum=200, maximum=5000
    )
    listen_remote: bool = option(
        False,
        "Whether other machines may open /v1/listen, with the token: the kiosk then is a listening "
        "device for whoever has that. Without it only software on the kiosk itself may.",
        live=True,
    )
    wake_word: str = option(
        "",
        "At this word the avatar looks up, and software that answers is told. Needs the extra "
        "`wake`, which an image has by `make overlay EXTRAS=wake`. Empty: none.",
        choices=("", *WAKE_WORDS),
    )


@dataclass(frozen=True, slots=True)
class PresenceSection:
    """Somebody who comes is seen, by a touch screen or a sensor. Off unless configured."""

    devices: str = option(
        "",
        "Patterns of the input devices to be watched, separated by commas: `*` and `?` as in file "
        "names, in either case, against a device's name and its path in /sys "
        "(`cat /proc/bus/input/devices` lists them), such as `*touch*, *pir*`. A sensor on a GPIO "
        "line is one by the device tree's `gpio-keys`. At a touch, or a key or switch that is "
        "closed, the avatar looks up, and software that answers is told. Empty: none.",
    )
    greet: bool = option(
        False,
        "Whether the avatar shows its clip `hello` to somebody who comes after a minute in which "
        "nobody was there.",
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
