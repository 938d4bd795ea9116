# SPDX-License-Identifier: Apache-2.0
"""kioskctl earcheck: what the kiosk's ears are good for in the room where it stands, in a minute.

The kiosk is silent, speaks, listens to a person and is interrupted; each time its own metrics say
what it made of that. Nothing is recorded here. Rooms are compared with these limits, not with each
other: `make bench-ears` has the figures of simulated ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from kioskd.ctl.client import Client, ControlError
from kioskd.ctl.printing import print_check, show
from kioskd.ears.policy import GOOD_DB, POOR_DB

QUIET_S: Final = 5.0
OWN_VOICE_S: Final = 20.0
ANSWER_S: Final = 15.0
OVER_S: Final = 15.0
_LOOK_S: Final = 0.25

LOUD_DB: Final = -40.0
"""A microphone that has this much to record without anybody speaking drowns quiet visitors."""

_TURNS: Final = "kiosk_ears_turns_total"
_MEND_ECHO: Final = (
    "turn the loudspeaker down (audio.volume), move the microphone away from it and off the",
    "case that it shakes, and switch off echo cancelling of the microphone's own",
)
_MEND_HEARING: Final = (
    "check with `kioskctl doctor` that the right microphone is open, raise its gain with",
    "`alsamixer`, and bring it nearer to where people stand, facing them",
)


@dataclass(frozen=True, slots=True)
class Time:
    """How time passes."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def earcheck(client: Client, _options: argparse.Namespace, passing: Time | None = None) -> int:
    """Measure what the kiosk hears in its room: itself, you, and you over itself. Takes a minute;
    say what it asks you to. Exit status 1 when something fails.
    """
    look = _Looks(client, passing or Time())
    ears = client.health()["checks"].get("ears")
    if ears is None or ears["observed"].startswith("switched off"):
        raise ControlError(
            "the kiosk has no ears; set ears.enabled: true in its configuration and restart it"
        )
    if not look.figure("kiosk_ears_open"):
        reasons = "; ".join(each["text"] for each in ears["reasons"])
        raise ControlError(f"the microphone is not open: {reasons or ears['observed']}")
    results = [_noise(look), *_own_voice(look), _sentence(look)]
    if results[1] != "fail":
        results.append(_interruption(look))
    return 1 if "fail" in results else 0


class _Looks:
    """The kiosk's figures, now and again."""

    def __init__(self, client: Client, passing: Time) -> None:
        self.client = client
        self._time = passing

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        self._time.sleep(seconds)

    def figure(self, name: str) -> float:
        """One of them; 0 where it is not told."""
        return self.client.figures().get(name, 0.0)

    def during(self, seconds: float, name: str) -> list[float]:
        """A figure's values for so long."""
        end = self._time.now() + seconds
        found = [self.figure(name)]
        while self._time.now() < end:
            self._time.sleep(_LOOK_S)
            found.append(self.figure(name))
        return found

    def grows(self, name: str, seconds: float) -> float | None:
        """Seconds until a figure grew, None where it did not within these."""
        begin, before = self._time.now(), self.figure(name)
        while self._time.now() < begin + seconds:
            self._time.sleep(_LOOK_S)
            if self.figure(name) > before:
                return self._time.now() - begin
        return None


def _noise(look: _Looks) -> str:
    show(f"Be quiet, please: the room is listened to for {QUIET_S:.0f} s.")
    level = median(look.during(QUIET_S, "kiosk_ears_level_db"))
    loud = level > LOUD_DB
    told = ["visitors must speak up here: put the microphone nearer to them"] if loud else []
    return _tell("room", "warn" if loud else "pass", f"{level:.0f} dB without a voice", told)


def _own_voice(look: _Looks) -> list[str]:
    # Not at the top: numpy is none of what install and mark-good may depend on
    from kioskd.ctl.made_up_voice import made_up_voice

    show(f"Be quiet, please: the kiosk speaks gibberish for {OWN_VOICE_S:.0f} s.")
    before = look.figure(_TURNS)
    look.client.post_voice(made_up_voice(OWN_VOICE_S))
    look.wait(OWN_VOICE_S - 1.0)
    figures = look.client.figures()
    echo_db = figures.get("kiosk_ears_echo_reduction_db", 0.0)
    itself = figures.get(_TURNS, 0.0) - before
    delay_s = figures.get("kiosk_loudspeaker_delay_seconds", 0.0)
    look.wait(2.0)
    if not echo_db:
        told = [
            "nothing of its own voice reaches the microphone: is the amplifier on, audio.volume",
            "above 0, and the microphone in the same room?",
        ]
        return [_tell("own voice", "fail", "not heard by its own microphone", told)]
    verdict = "pass" if echo_db >= GOOD_DB else "warn" if echo_db >= POOR_DB else "fail"
    words = {
        "pass": "visitors can interrupt (barge_in)",
        "warn": "interrupting may come and go (barge_in, half_duplex)",
        "fail": "too little for interrupting: it is deaf while it speaks (half_duplex)",
    }[verdict]
    observed = f"reduced by {echo_db:.0f} dB: {words}"
    results = [_tell("own voice", verdict, observed, () if verdict == "pass" else _MEND_ECHO)]
    mistaken = "fail" if itself else "pass"
    observed = f"took itself for a visitor {itself:.0f} times"
    results.append(_tell("itself", mistaken, observed, _MEND_ECHO if itself else ()))
    if delay_s:
        observed = f"{1000 * delay_s:.0f} ms from the sound card to the room"
        results.append(_tell("loudspeaker", "pass", observed, ()))
    return results


def _sentence(look: _Looks) -> str:
    show("Now say a sentence from where visitors stand, as loud as they would.")
    heard = look.grows(_TURNS, ANSWER_S)
    if heard is None:
        observed = f"nobody was heard within {ANSWER_S:.0f} s"
        return _tell("visitor", "fail", observed, _MEND_HEARING)
    look.wait(2.0)
    return _tell("visitor", "pass", "a sentence was heard", ())


def _interruption(look: _Looks) -> str:
    from kioskd.ctl.made_up_voice import made_up_voice

    if not look.figure("kiosk_ears_barge_in"):
        told = ["ears.policy is half_duplex, or auto has chosen it: see `kioskctl doctor`"]
        return _tell("interrupting", "warn", "the kiosk may not be interrupted", told)
    show("Now talk over the kiosk: it speaks until you interrupt it.")
    look.client.post_voice(made_up_voice(OVER_S))
    heard = look.grows(f'{_TURNS}{{over="yes"}}', OVER_S)
    look.client.post("v1/interrupt", {})
    if heard is None:
        return _tell("interrupting", "fail", "it was not interrupted", _MEND_HEARING + _MEND_ECHO)
    return _tell("interrupting", "pass", "it fell silent for you", ())


def _tell(name: str, status: str, observed: str, lines: tuple[str, ...] | list[str]) -> str:
    print_check(name, status, observed, lines)
    return status
