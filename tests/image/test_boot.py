# SPDX-License-Identifier: Apache-2.0
"""A board with the overlay starts and does what a kiosk does: shows, speaks, tells, heals."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from likeness import best_likeness

from alive_bench.stage import voice_of
from image_test import pictures, sound
from image_test.kiosk import START_S, Kiosk
from image_test.machine import SCREEN
from image_test.prepare import Prepared
from splat_gles.bundle import read_bundle

IDLE_S = 120
LINK_S = 300
SAYINGS = 3
SENTENCE = "Papa and mama have a big map of Africa, and a happy Alabama banana."


def say_when_linked(endpoint: str, text: str) -> bool | None:
    """Let the endpoint on the host speak; None as long as no kiosk is connected."""
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(f"{endpoint}/say", data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bool(json.loads(answer.read())["req_id"])
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return None


def mouth_while_speaking(kiosk: Kiosk, prepared: Prepared, endpoint: str, name: str) -> list[float]:
    """Let it say the sentence; how open the mouth is in screenshots from begin to end."""
    mouth = pictures.seen_mouth(prepared.avatar, SCREEN, kiosk.metric("kiosk_render_scale"))
    ended = 'kiosk_utterances_total{outcome="ended"}'
    before = kiosk.metric(ended), kiosk.metric("kiosk_speech_seconds_total")
    seconds = voice_of(read_bundle(prepared.avatar)).speak(SENTENCE).seconds
    kiosk.machine.until(
        "the link to the endpoint", lambda: say_when_linked(endpoint, SENTENCE), LINK_S
    )
    openings: list[float] = []
    deadline = time.monotonic() + 10 * seconds + 60
    while kiosk.metric(ended) == before[0] and time.monotonic() < deadline:
        shot = kiosk.machine.screenshot(f"{name}-{len(openings):02d}")
        openings.append(mouth.opening(pictures.load(shot)))
    assert kiosk.metric(ended) == before[0] + 1, "the sentence came to its end"
    assert kiosk.metric("kiosk_speech_seconds_total") >= before[1] + seconds - 0.2
    return openings


def test_systemd_runs_it_as_its_own_user(kiosk: Kiosk, prepared: Prepared) -> None:
    """No unit has failed, kioskd is not root and may gain nothing; the version is the build's."""
    shell = kiosk.machine.shell
    assert kiosk.state() == "active"
    assert shell("systemctl --failed --plain --no-legend") == ""
    process = kiosk.show("MainPID")
    status = shell(f"cat /proc/{process}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split(), "not root"
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert shell("stat -f -c %T /opt/kiosk").strip() == "squashfs"
    assert "ro" in shell("findmnt -no OPTIONS /opt/kiosk").strip().split(",")
    watchdog = shell("systemctl show -P RuntimeWatchdogUSec").strip()
    assert watchdog == "20s", "the machine's watchdog card is in use"
    assert shell("cat /run/kiosk/version").strip() == prepared.version
    assert f"version={prepared.version}" in shell("cat /opt/kiosk/usr/share/kiosk/release")


def test_the_avatar_is_on_the_screen(kiosk: Kiosk, prepared: Prepared) -> None:
    """The screen shows what the offscreen renderer draws of the same bundle and pose."""
    assert best_likeness(kiosk, prepared, "screen", 35.0) >= 35.0
    picture = pictures.load(kiosk.machine.settings.folder / "screen.png")
    scale = kiosk.metric("kiosk_render_scale")
    mirrored = pictures.masked_psnr(
        picture, pictures.render(prepared.avatar, SCREEN, scale)[:, ::-1]
    )
    other = pictures.masked_psnr(
        picture, pictures.render(prepared.avatar, SCREEN, scale, jaw_open=0.6)
    )
    assert mirrored < 30.0, "the comparison sees a mirrored picture"
    assert other < 35.0, "and an open mouth"


def test_health_answers_its_owner_only(kiosk: Kiosk) -> None:
    """Over the network, with TLS and the token; without the token there is nothing to see."""
    health = kiosk.health()
    assert health["status"] in ("pass", "warn"), health
    for check in ("display", "audio"):
        assert health["checks"][check]["status"] == "pass", health["checks"][check]
    assert kiosk.metric("kiosk_frames_total") > 0
    with pytest.raises(urllib.error.HTTPError) as refused:
        kiosk.get("/healthz", token="0" * 32)
    assert refused.value.code in (401, 403)
    with pytest.raises((OSError, urllib.error.URLError)):
        urllib.request.urlopen(f"http://{kiosk.machine.url}/healthz", timeout=30)


def test_it_speaks_a_sentence(kiosk: Kiosk, prepared: Prepared, endpoint: str) -> None:
    """The endpoint's sentence is in the sound card's recording; the mouth opens meanwhile.

    Drawing may stand still for seconds when shaders are compiled for another resolution, on an
    emulated processor as long as the sentence: then it is said once more.
    """
    for number in range(SAYINGS):
        openings = mouth_while_speaking(kiosk, prepared, endpoint, f"speaking-{number}")
        if max(openings) > 0.25:
            break
    assert max(openings) > 0.25, f"the mouth is seen open: {openings}"
    assert min(openings) < 0.15, f"and shut: {openings}"
    kiosk.machine.quit()
    voice = voice_of(read_bundle(prepared.avatar))
    speech = voice.speak(SENTENCE)
    recording = sound.read(kiosk.machine.sound)
    share = sound.heard_share(recording, sound.at_rate(speech.samples, speech.sample_rate))
    assert share > 0.5, f"{share:.0%} of the sentence is in {kiosk.machine.sound}"
    other = voice.speak("Seven tired wolves sleep below the old pier.")
    wrong = sound.heard_share(recording, sound.at_rate(other.samples, other.sample_rate))
    assert wrong < share - 0.3, f"another sentence is not: {wrong:.0%}"


def test_a_killed_kioskd_comes_back(kiosk: Kiosk, prepared: Prepared) -> None:
    """SIGKILL; systemd starts it again and the face is on the screen as before."""
    first = kiosk.show("MainPID")
    kiosk.machine.shell(f"kill -KILL {first}")
    kiosk.machine.until(
        "another process",
        lambda: True if kiosk.show("MainPID") not in ("0", first) else None,
        START_S,
    )
    kiosk.wait_started()
    assert kiosk.show("NRestarts") == "1"
    assert best_likeness(kiosk, prepared, "screen", 35.0) >= 35.0


def test_a_wrong_configuration_stops_it_with_words(kiosk: Kiosk) -> None:
    """Exit status 78, no further start, and on the screen what is wrong and where."""
    shell = kiosk.machine.shell
    shell(
        "echo 'volume: loud' >> /var/lib/kiosk/config/kiosk.yaml; systemctl restart kioskd || true",
        300,
    )
    kiosk.machine.until(
        "the stop of kioskd", lambda: True if kiosk.state() == "failed" else None, 300
    )
    assert kiosk.show("ExecMainStatus") == "78"
    assert kiosk.show("NRestarts") == "0"

    def page() -> str | None:
        text = shell("cat /dev/vcs1").strip()
        return text if "kiosk.yaml" in text else None

    text = kiosk.machine.until("the page on the screen", page, 120)
    (kiosk.machine.settings.folder / "page.txt").write_text(text)
    words = " ".join(text.split())
    assert "volume" in words
    assert "kiosk.yaml:" in words, "file and line"
    picture = pictures.load(kiosk.machine.screenshot("page"))
    lit = (picture.max(axis=2) > 120).mean()
    assert 0.01 < lit < 0.5, f"writing is on the screen: {lit:.1%} of it is lit"
    time.sleep(15)
    assert kiosk.state() == "failed", "it is not started again"


@pytest.mark.slow("waits for three minutes")
def test_an_idle_kiosk_hardly_writes(kiosk: Kiosk) -> None:
    """Flash wears out: what goes to the disk in two minutes, taken for an hour.

    Linux writes what is half a minute old, so nothing that is written again and again is missed.
    """

    def written() -> int:
        return int(kiosk.machine.shell("cat /sys/block/vda/stat").split()[6]) * 512

    kiosk.machine.shell("sync; sleep 35", 120)
    before, began = written(), time.monotonic()
    time.sleep(IDLE_S)
    grown, seconds = written() - before, time.monotonic() - began
    an_hour = grown * 3600 / seconds
    print(f" {grown} bytes in {seconds:.0f} s: {an_hour / 1e6:.2f} MB an hour", end="")
    assert an_hour < 1e6


def test_results_are_left_for_people(first_boot: Path, prepared: Prepared) -> None:
    """Console, journal and picture of the boot lie where the summary says."""
    folder = prepared.results / "first-boot"
    assert "Debian GNU/Linux 12" in (folder / "serial.log").read_text(errors="replace")
    assert "the first frame is shown" in (folder / "journal.txt").read_text()
    assert pictures.load(folder / "first-frames.png").shape[:2] == SCREEN[::-1]
