# SPDX-License-Identifier: Apache-2.0
"""kioskctl doctor --sound: plays some seconds of gibberish and listens whether the room hears it.

The kioskd that runs plays and listens, for it holds both cards. Where none answers, this process
does with the same parts. What it says of the delay is what `audio.latency_ms: auto` goes by.
"""

from __future__ import annotations

import io
import time
import wave
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kioskd.board_facts import BoardFacts
from kioskd.config import Config
from kioskd.ctl.client import Client
from kioskd.ctl.printing import print_check, show
from kioskd.health.status import Finding, Status, passed, warned

if TYPE_CHECKING:
    from kioskd.audio.output import AudioOutput
    from kioskd.ears.parts import Microphone

SOUND_S: Final = 8.0
_AFTER_S: Final = 2.0
_ENOUGH: Final = 2.0
"""Seconds that must have been heard: one alone may be chance."""

_HEARD: Final = 'kiosk_loudspeaker_heard_seconds_total{heard="yes"}'
_UNHEARD: Final = 'kiosk_loudspeaker_heard_seconds_total{heard="no"}'

NO_EARS: Final = (
    "nothing can hear the loudspeaker: connect a microphone and set ears.enabled: true, or listen "
    "yourself to `kioskctl say Hello`"
)
NOT_HEARD: Final = (
    "switch on the amplifier or screen that sounds, turn it up, check its cable, audio.volume, and "
    "whether audio.device is the card that it hangs on and ears.device a microphone in this room"
)


def tell_sound(listen: Callable[[], Finding]) -> int:
    """Make the sound in this way and say what came of it; exit status 1 unless it was heard."""
    show(f"Be quiet, please: the kiosk speaks gibberish for {SOUND_S:.0f} s.")
    finding = listen()
    lines = [f"{reason.code}: {reason.text}" for reason in finding.reasons]
    print_check("loudspeaker", finding.status.word, finding.observed, lines)
    return 0 if finding.status is Status.PASS else 1


def ask_kiosk(client: Client, sleep: Callable[[float], None] = time.sleep) -> Finding:
    """Have the running kioskd make the sound; raises ControlError where it does not."""
    from kioskd.ctl.made_up_voice import made_up_voice

    before = client.figures()
    if not before.get("kiosk_ears_open"):
        ears = client.health()["checks"].get("ears", {})
        reasons = "; ".join(each["text"] for each in ears.get("reasons", []))
        return warned("not listened to", "microphone_closed", reasons or NO_EARS)
    client.post_voice(made_up_voice(SOUND_S))
    sleep(SOUND_S + _AFTER_S)
    after = client.figures()
    return _finding(
        after.get(_HEARD, 0.0) - before.get(_HEARD, 0.0),
        after.get(_UNHEARD, 0.0) - before.get(_UNHEARD, 0.0),
        after.get("kiosk_loudspeaker_level_db", 0.0),
        after.get("kiosk_loudspeaker_delay_seconds", 0.0),
    )


def try_parts(config: Config, board: BoardFacts) -> Finding:
    """Make the sound and listen to it, where no kioskd holds the cards."""
    if not config.ears.enabled:
        return warned("not listened to", "microphone_closed", NO_EARS)
    # Not at the top: numpy and ALSA are none of what other commands may depend on
    from kioskd.audio.loudspeaker import Loudspeaker
    from kioskd.audio.output import AudioOutput
    from kioskd.config.part_settings import audio_settings, ears_settings
    from kioskd.ears.microphone import RoomMicrophone
    from kioskd.ears.timeline import Timeline
    from kioskd.metrics import Metrics

    metrics, ears = Metrics(), ears_settings(config, board.microphone_match)
    audio = AudioOutput(
        audio_settings(config, board.audio_match), metrics, loudspeaker=Loudspeaker()
    )
    audio.start()
    microphone = RoomMicrophone(ears, Timeline(), metrics)
    try:
        return play_and_listen(audio, microphone, ears.latency_ms / 1000)
    finally:
        microphone.close()
        audio.stop()


def play_and_listen(audio: AudioOutput, microphone: Microphone, microphone_s: float) -> Finding:
    """Through an output that has begun, whose loudspeaker is told, and a microphone."""
    import numpy as np

    from driving_client.utterance import Utterance
    from kioskd.ctl.made_up_voice import made_up_voice
    from kioskd.ears.cleaner import EchoCleaner
    from kioskd.ears.echo_path import EchoPath

    assert audio.loudspeaker is not None
    path = EchoPath(microphone_s=microphone_s)
    cleaner = EchoCleaner(audio.loudspeaker, path)
    with wave.open(io.BytesIO(made_up_voice(SOUND_S))) as file:
        utterance = Utterance("sound check", file.getframerate())
        utterance.append_audio(np.frombuffer(file.readframes(file.getnframes()), np.int16))
    utterance.end_audio()
    audio.play(utterance)
    end = time.monotonic() + SOUND_S + _AFTER_S
    while time.monotonic() < end:
        for frame in microphone.read(0.1):
            cleaner.clean(frame)
    if not microphone.state.open:
        text = "it cannot be opened; `arecord -L` lists the names for ears.device"
        return warned("not listened to", microphone.state.reason or "microphone_closed", text)
    told = path.snapshot()
    return _finding(told.heard_s, told.unheard_s, told.level_db or 0.0, told.delay_s or 0.0)


def _finding(heard_s: float, unheard_s: float, level_db: float, delay_s: float) -> Finding:
    if heard_s >= _ENOUGH:
        return passed(f"heard at {level_db:.0f} dB, {1000 * delay_s:.0f} ms after the sound card")
    if heard_s + unheard_s == 0:
        text = "no sound was played: `kioskctl doctor` tells about audio.device and audio.volume"
        return warned("silent", "speaker_not_played", text)
    return warned("silent", "speaker_silent", NOT_HEARD)
