#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make soak`: an hour of kills, floods, attacks and speech against the real processes.

Each minute the embedded endpoint is killed in mid-sentence, a relay that floods stands in its
place, the HTTP port is attacked from other addresses, and there is speech of both kinds all the
while. At each minute's end, when all is quiet, memory, descriptors and threads are read. The
result is tests/results/soak.md; logs stay in out/soak. Runs in a network namespace of its own,
which needs no root where the system allows user namespaces.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from soaking.floods import flood
from soaking.samples import Sample, complaints, look, slope_mb_per_hour, table
from soaking.speech import Speech
from soaking.stand import Endpoint, Kiosk
from test_result import write_result
from test_stand.attacks import ATTACKS, Attacker
from test_stand.network import KIOSK, SOURCES, enter_own_network
from test_stand.processes import ROOT, StandError
from test_stand.protection import TOKEN

ENDPOINT_PORT: Final = 8090
FLOOD_S: Final = 6.0
ATTACK_S: Final = 10.0
QUIET_S: Final = 13.0
"""After an attack: the longest that one of its connections may stay."""

USED: Final = tuple(each for each in ATTACKS if each.__name__ not in ("nothing", "spinning"))
ABOUT: Final = (
    "Kills of the endpoint, relays that flood, attacks on the HTTP port and speech against real "
    "processes, all counted; memory, descriptors and threads of kioskd at each minute's end."
)


def main() -> int:
    """Run; exit status 1 where anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=60.0, help="(default: %(default)g)")
    parser.add_argument("--no-result", action="store_true", help="do not write tests/results")
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        os.nice(5)
        attack = next(each for each in USED if each.__name__ == options.attack)
        attack(Attacker(KIOSK, options.port, list(SOURCES), time.monotonic() + ATTACK_S, TOKEN))
        return 0
    enter_own_network()
    return _soak(options.minutes, write=not options.no_result)


def _soak(minutes: float, *, write: bool) -> int:
    # What is started here must not outlive it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    logs = ROOT / "out/soak"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    begin = time.monotonic()
    print(f"soaking for {minutes:g} minutes; a line about each as it ends", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        endpoint = Endpoint(Path(folder), ENDPOINT_PORT)
        endpoint.start()
        kiosk = Kiosk(Path(folder), ENDPOINT_PORT)
        run = _Run(kiosk, endpoint)
        try:
            run.last(begin, 60 * minutes)
            run.finish()
        except StandError as error:
            run.told.append(str(error))
        finally:
            kiosk.close()
            endpoint.kill()
            for log in (kiosk.log, endpoint.log):
                (logs / log.name).write_bytes(log.read_bytes())
    seconds = time.monotonic() - begin
    for complaint in run.told:
        print(f"FAULT: {complaint}")
    rows = table(run.samples) if run.samples else ""
    print(rows)
    if write:
        path = write_result(
            "soak", ABOUT, passed=not run.told, seconds=seconds, figures=run.figures()
        )
        path.write_text(f"{path.read_text('utf-8')}\n{rows}", "utf-8")
        print(f"written to {path}")
    return 1 if run.told else 0


class _Run:
    def __init__(self, kiosk: Kiosk, endpoint: Endpoint) -> None:
        self._kiosk, self._endpoint = kiosk, endpoint
        self._speech = Speech(kiosk)
        self._counts: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.told: list[str] = []
        self._end = ""

    def last(self, begin: float, seconds: float) -> None:
        """Minute after minute until the time is over, one at least."""
        while not self.samples or time.monotonic() - begin < seconds:
            self._minute(len(self.samples))
            minute = (time.monotonic() - begin) / 60
            sample = look(self._kiosk.pid, minute, self._kiosk.metric)
            self.samples.append(sample)
            print(
                f"{minute:5.1f} min: {sample.rss_mb:.1f} MB, {sample.descriptors} descriptors, "
                f"{sample.threads} threads; {self._counts['kills of the endpoint']} kills, "
                f"{self._counts['floods']} floods, {self._counts['attacks']} attacks, "
                f"{self._speech.counts['answered']} utterances answered",
                flush=True,
            )

    def _minute(self, number: int) -> None:
        self._wait_for_link()
        self._speech.say()
        self._speech.speak(2.0)
        self._speech.say(wait=False)
        time.sleep(0.5)
        self._endpoint.kill()
        self._counts["kills of the endpoint"] += 1
        self._speech.say(excused=True)
        self._speech.speak(1.0)
        name, sent = flood(ENDPOINT_PORT, number, FLOOD_S)
        self._counts["floods"] += 1
        self._counts[f"frames of {name}"] += sent
        self._endpoint.start()
        attack = USED[number % len(USED)].__name__
        attacking = subprocess.Popen(
            [sys.executable, __file__, "--attack", attack, "--port", str(self._kiosk.port)]
        )
        self._counts["attacks"] += 1
        time.sleep(2.0)
        self._speech.speak(1.0)
        attacking.wait()
        time.sleep(QUIET_S)

    def _wait_for_link(self) -> None:
        deadline = time.monotonic() + 180
        while self._kiosk.health()["checks"].get("link", {}).get("status") != "pass":
            if time.monotonic() > deadline:
                raise StandError("the link did not come back within three minutes")
            time.sleep(0.5)

    def finish(self) -> None:
        """The end, and what the logs say."""
        heard = self._kiosk.metric("kiosk_utterances_total")
        end = self._kiosk.stop()
        self._end = str(end)
        self._counts["utterances with an outcome"] = int(heard)
        self.told += complaints(self.samples)
        self.told += [f"not answered: {each}" for each in self._speech.failures]
        if not end.as_promised:
            self.told.append(f"it ended with {end}")
        for log in (self._kiosk.log, self._endpoint.log):
            if "Traceback" in log.read_text("utf-8", "replace"):
                self.told.append(f"there is a traceback in {log.name}")

    def figures(self) -> dict[str, object]:
        """For the result's page."""
        slope = slope_mb_per_hour(self.samples)
        growth = "too short to tell" if slope is None else f"{slope:+.1f} MB an hour, once warm"
        return {
            "sound": self._kiosk.sound,
            **{key: f"{value:,}" for key, value in self._counts.items()},
            **{f"utterances {key}": f"{value:,}" for key, value in self._speech.counts.items()},
            "memory": growth,
            "faults": "; ".join(self.told) or "none",
            "end": self._end or "none",
        }


if __name__ == "__main__":
    sys.exit(main())
