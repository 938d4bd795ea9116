# SPDX-License-Identifier: Apache-2.0
"""`make bench-lipsync`: our lips and those of others on the same audio.

Speech of a held-out voice is made anew, then disturbed in every way of the training package's
`disturbances`; recorded speech is added where Debian's package of prompts is installed. Per
set a table: r of the six mouth controls with the labels, F1 of the closures of p b m and f v
(within 60 ms, the best threshold for each candidate), the lag (what is given away to peers;
ours is measured), and CPU milliseconds a second of audio. "oracle" rows are bounds, not
products: see `contest`. The command fails where another candidate leads a column of accuracy (of a
language's few seconds this is only told),
where an oracle leads one on undisturbed English speech, and where ours does not reach what `LEAST`
asks of a set, whatever the others reach.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench_lipsync.contest import COLUMNS, Row, behind, energy_row, our_row, peer_rows
from bench_lipsync.peers import ENVIRONMENT, PEERS, answers, real_speech
from bench_lipsync.visemes import controls_of_viseme
from driving_client.errors import DrivingError
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.retarget.mouth import OPEN
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from lipsync_training.disturbances import DISTURBANCES
from lipsync_training.evaluation import held_out_speech, measure, mouth_of
from lipsync_training.held_out import OTHER_LANGUAGES
from lipsync_training.noises import music, to_samples

HELD_OUT = "held-out voice (flite slt)"
RECORDED = "recorded speech (labels by forced alignment)"
MUSIC = "music without a voice"
UNDISTURBED = (HELD_OUT, RECORDED)
IN_LANGUAGES = {f"other languages (espeak-ng, {name})": name for name in OTHER_LANGUAGES}
DISTURBED = {
    f"held-out voice, {name}": disturb for name, disturb in DISTURBANCES.items() if name != "clean"
}
TITLES = (HELD_OUT, RECORDED, *DISTURBED, *IN_LANGUAGES, MUSIC)
MUSIC_CLIPS, MUSIC_S = 6, 10.0
LEAST: dict[str, dict[str, float]] = {
    HELD_OUT: {"open": 0.75, "pbm F1": 0.70},
    RECORDED: {"open": 0.75, "pbm F1": 0.65},
    **{title: {"open": 0.75} for title in IN_LANGUAGES},
}
"""What ours has to reach, by set and column."""
OPENED = 0.2
"""From here on a mouth is seen to open."""


def main(arguments: list[str] | None = None) -> int:
    """Measure all sets; exit status 1 where something failed or ours does not lead."""
    parser = argparse.ArgumentParser(
        prog="make bench-lipsync",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only the sets whose titles contain this"
    )
    parser.add_argument(
        "--json", type=Path, default=ENVIRONMENT / "figures.json", help="also written (%(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        return _bench(options.only, options.json)
    except (DrivingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _bench(only: str, figures: Path) -> int:
    if not any(only in title for title in TITLES):
        told = "; ".join(TITLES)
        print(f"error: no set's title contains {only!r}; there are {told}", file=sys.stderr)
        return 1
    sets = {title: speech for title, speech in speech_sets().items() if only in title}
    tables: dict[str, list[Row]] = {}
    lost: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-lipsync-") as folder:
        for number, (title, speeches) in enumerate(sets.items()):
            _tell(f"[{number + 1}/{len(sets)}] {title}")
            tables[title] = rows = contest(speeches, Path(folder) / str(number))
            print(table(f"{title}, {sum(s.seconds for s in speeches):.0f} s", rows), flush=True)
            products, bounds = (behind(rows, oracles=oracles) for oracles in (False, True))
            lost += short_of(title, rows)
            if title not in IN_LANGUAGES:
                lost += [f"{title}: {column}" for column in products]
            elif products:
                print("ahead on these few seconds: " + "; ".join(products))
            if title in UNDISTURBED:
                lost += [f"{title}: {column}" for column in bounds]
            elif bounds:
                print("ahead only with the test's answers given: " + "; ".join(bounds))
        if only in MUSIC:
            print(table_of_music(Path(folder) / "music"), flush=True)
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.write_text(json.dumps(_plain(tables), indent=1) + "\n")
    if lost:
        print("ours does not lead, or not by what it should reach:\n  " + "\n  ".join(lost))
        return 1
    print("ours leads every column of accuracy in English, of undisturbed English also the oracles")
    return 0


def short_of(title: str, rows: Sequence[Row]) -> list[str]:
    """What ours misses of what a set asks for; empty: nothing."""
    ours = next(row for row in rows if row.ours)
    reached = dict(zip(COLUMNS, ours.cells, strict=True))
    return [
        f"{title}: {column} {reached[column]:.3f}, at least {least:.2f} is wanted"
        for column, least in LEAST.get(title, {}).items()
        if reached[column] < least
    ]


def speech_sets() -> dict[str, list[Speech]]:
    """Titles and speech with labels; recorded speech where it is at hand."""
    clean = held_out_speech()
    sets = {HELD_OUT: clean}
    if recorded := real_speech(_tell):
        sets[RECORDED] = recorded
    for title, disturb in DISTURBED.items():
        sets[title] = [disturb(speech) for speech in clean]
    for title, voice in IN_LANGUAGES.items():
        sets[title] = [synthesise(text, voice) for text in OTHER_LANGUAGES[voice]]
    return sets


def contest(speeches: Sequence[Speech], folder: Path) -> list[Row]:
    """All candidates on one set, ours first."""
    scores = measure(speeches, mouth_of)
    rows = [our_row("ours", speeches, scores, our_cpu_ms(speeches)), energy_row(scores.energy)]
    for peer in PEERS:
        rows += peer_rows(peer, answers(peer, speeches, folder / peer), speeches)
    return rows


def our_cpu_ms(speeches: Sequence[Speech]) -> float:
    """CPU milliseconds a second of audio of ours, fed in pieces of 40 ms as the kiosk does."""
    began = time.process_time()
    for speech in speeches:
        mouth, step = SpeechMouth(speech.sample_rate), speech.sample_rate // 25
        for start in range(0, len(speech.samples), step):
            mouth.feed(speech.samples[start : start + step])
    return (time.process_time() - began) * 1000 / sum(speech.seconds for speech in speeches)


def table(title: str, rows: Sequence[Row]) -> str:
    """A table for people; `-` where a candidate has nothing for a column."""
    lines = [["", *COLUMNS, "lag ms", "CPU ms/s"]]
    for row in rows:
        cells = [_cell(value, ".2f") for value in (*row.cells,)]
        lines.append([row.name, *cells, _cell(row.lag_ms, "+.0f"), _cell(row.cpu_ms, ".1f")])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    body = [
        "  ".join(
            [line[0].ljust(widths[0])]
            + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
        )
        for line in lines
    ]
    return "\n".join([f"\n{title}", *body])


def table_of_music(folder: Path) -> str:
    """How far mouths open to music without a voice: mean opening, and the share of frames open."""
    random = np.random.default_rng(5)
    clips = [Speech(to_samples(music(random, MUSIC_S)), 16000, ()) for _ in range(MUSIC_CLIPS)]
    openings = {"ours": np.concatenate([mouth_of(clip)[:, OPEN] for clip in clips])}
    for peer in PEERS:
        found = answers(peer, clips, folder / peer)
        meaning = np.array([controls_of_viseme(name)[OPEN] for name in found[0].names])
        openings[peer] = np.concatenate(
            [each.at_frames(int(MUSIC_S * 25), 0.0, 0.0) @ meaning for each in found]
        )
    lines = [f"\n{MUSIC}, {MUSIC_CLIPS * MUSIC_S:.0f} s (0 is a closed mouth)"]
    for name, opening in openings.items():
        share = float((opening > OPENED).mean())
        lines.append(
            f"{name:14s}  mean opening {opening.mean():.2f}  open in {share:4.0%} of frames"
        )
    return "\n".join(lines)


def _cell(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _plain(tables: dict[str, list[Row]]) -> dict[str, object]:
    def number(value: float) -> float | None:
        return None if math.isnan(value) else round(value, 4)

    return {
        title: {
            row.name: {
                **{c: number(v) for c, v in zip(COLUMNS, row.cells, strict=True)},
                "lag_ms": number(row.lag_ms),
                "cpu_ms_per_s": number(row.cpu_ms),
            }
            for row in rows
        }
        for title, rows in tables.items()
    }


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
