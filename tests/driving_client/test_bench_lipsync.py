# SPDX-License-Identifier: Apache-2.0
"""The lip-sync benchmark: what it gives away, what it counts, and the browser that it imitates."""

import dataclasses
import importlib.util
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest

from bench_lipsync.command import HELD_OUT, IN_LANGUAGES, RECORDED, main, short_of, table
from bench_lipsync.contest import COLUMNS, Answer, Row, behind, energy_row, our_row, peer_rows
from bench_lipsync.peers import MODULES, PYTHON, PeerError, answers
from bench_lipsync.visemes import SOUNDS, controls_of_viseme
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FV, OPEN, PUCKER, WIDE
from driving_client.voices.espeak import synthesise
from lipsync_training.evaluation import labels_of, measure, mouth_of

TEXTS = ("My baby put five maps beneath the blue shoes.", "Very few people move above the show.")


@pytest.fixture(scope="module")
def speeches():
    return [synthesise(text) for text in TEXTS]


def answer_of(names, values, rate=25.0, first_s=0.0):
    return Answer(tuple(names), np.asarray(values, float), rate, first_s, 10.0)


def perfect(speech, late=0):
    """A peer whose activations are the labels themselves, some frames late."""
    labels = labels_of(speech).astype(float)
    return np.vstack([np.repeat(labels[:1], late, 0), labels])[: len(labels)]


def test_a_peer_that_is_right_but_late_is_given_its_lag(speeches):
    names = ["viseme_aa", "viseme_I", "viseme_U", "viseme_PP", "viseme_FF", "viseme_CH"]
    rows = peer_rows("p", [answer_of(names, perfect(s, late=3)) for s in speeches], speeches)
    own, oracle = rows
    assert (own.oracle, oracle.oracle) == (False, True)
    assert oracle.lag_ms == pytest.approx(120)
    assert min(oracle.cells[:6]) > 0.98
    assert oracle.cells[6:] == pytest.approx((1.0, 1.0), abs=0.1)
    assert own.cells[OPEN] < oracle.cells[OPEN]
    assert own.cpu_ms == pytest.approx(20 / sum(s.seconds for s in speeches))


def test_noise_around_the_labels_is_smoothed_away_for_a_peer(speeches):
    random = np.random.default_rng(0)
    noisy = []
    for speech in speeches:
        labels = np.repeat(perfect(speech), 4, axis=0)  # 100 rows a second
        noisy.append(
            answer_of(["aa"], labels[:, :1] + random.normal(0, 0.5, (len(labels), 1)), 100)
        )
    row = peer_rows("p", noisy, speeches)[0]
    raw = np.concatenate(
        [a.at_frames(len(labels_of(s)), 0, 0)[:, 0] for a, s in zip(noisy, speeches, strict=True)]
    )
    wanted = np.concatenate([labels_of(s)[:, OPEN] for s in speeches])
    assert row.cells[OPEN] > np.corrcoef(raw, wanted)[0, 1] + 0.1


def test_the_oracle_is_never_behind_the_peer_itself(speeches):
    random = np.random.default_rng(1)
    names = list(SOUNDS)[:15]
    own, oracle = peer_rows(
        "p",
        [answer_of(names, random.random((len(labels_of(s)), 15))) for s in speeches],
        speeches,
    )
    assert np.nanmean(oracle.cells[:6]) >= np.nanmean(own.cells[:6])


def test_a_peer_that_only_opens_has_nothing_in_the_other_columns(speeches):
    values = [answer_of(["openness"], perfect(s)[:, :1]) for s in speeches]
    rows = peer_rows("p", values, speeches)
    assert len(rows) == 1
    assert rows[0].cells[OPEN] == pytest.approx(1.0)
    assert all(math.isnan(cell) for cell in rows[0].cells[1:])


def test_visemes_mean_what_the_labels_ask_of_their_sounds():
    assert controls_of_viseme("viseme_PP")[CLOSE] == 1.0
    assert controls_of_viseme("viseme_FF")[FV] == 1.0
    assert controls_of_viseme("viseme_U")[PUCKER] > 0.6
    assert controls_of_viseme("viseme_I")[WIDE] > 0.6
    assert controls_of_viseme("aa")[OPEN] > 0.8
    assert not controls_of_viseme("viseme_sil").any()
    assert controls_of_viseme("openness").tolist() == [1, 0, 0, 0, 0, 0]


def test_ours_is_scored_as_it_runs_but_for_the_threshold_that_all_are_given(speeches):
    scores = measure(speeches, mouth_of)
    ours = our_row("ours", speeches, scores, 3.0)
    assert ours.ours
    assert ours.cells[:6] == tuple(scores.correlations.values())
    assert ours.cells[6] >= scores.lips_f1
    assert ours.cells[7] >= scores.teeth_f1
    assert ours.lag_ms == scores.lag_s * 1000


def row(name, *cells, ours=False):
    return Row(name, cells, 0.0, 1.0, ours)


def test_the_verdict_names_every_column_that_is_lost():
    ours = row("ours", *[0.5] * 8, ours=True)
    assert behind([ours, row("a", *[0.4] * 8), energy_row(0.45)], oracles=False) == []
    bound = dataclasses.replace(row("c", *[0.9] * 8), oracle=True)
    rows = [ours, row("a", 0.6, *[math.nan] * 7), row("b", *[0.1] * 7, 0.7), bound]
    assert behind(rows, oracles=False) == ["open (a 0.60, ours 0.50)", "fv F1 (b 0.70, ours 0.50)"]
    assert len(behind(rows, oracles=True)) == 8


def test_a_set_has_bars_of_its_own_whatever_the_others_reach():
    good = row("ours", 0.75, *[0.5] * 5, 0.65, 0.5, ours=True)
    bad = row("ours", 0.74, *[0.5] * 5, 0.649, 0.5, ours=True)
    assert short_of(RECORDED, [row("a", *[0.1] * 8), good]) == []
    assert short_of(RECORDED, [bad]) == [
        f"{RECORDED}: open 0.740, at least 0.75 is wanted",
        f"{RECORDED}: pbm F1 0.649, at least 0.65 is wanted",
    ]
    assert [line.split(": ")[1] for line in short_of(HELD_OUT, [good])] == [
        "pbm F1 0.650, at least 0.70 is wanted"
    ]
    assert len(short_of(next(iter(IN_LANGUAGES)), [bad])) == 1
    assert short_of("held-out voice, noise 10 dB", [bad]) == []


def test_the_table_lines_up_and_shows_what_is_missing():
    lines = table("a set, 3 s", [row("ours", *[0.5] * 8, ours=True), energy_row(0.4)]).splitlines()
    assert len({len(line) for line in lines[2:]}) == 1
    assert all(name in lines[2] for name in (*CONTROL_NAMES, *COLUMNS))
    assert lines[4].split() == ["energy", "envelope", "0.40", *"-" * 9]


def test_missing_peers_are_named_with_the_way_to_install_them(monkeypatch, speeches, tmp_path):
    monkeypatch.setattr("bench_lipsync.peers.PYTHON", tmp_path / "python")
    with pytest.raises(PeerError, match="make_environment"):
        answers("pylipsync", speeches, tmp_path / "work")


def test_the_command_reports_a_failure_without_a_traceback(monkeypatch, capsys, tmp_path):
    def broken():
        raise PeerError("flite is missing")

    monkeypatch.setattr("bench_lipsync.command.held_out_speech", broken)
    assert main(["--json", str(tmp_path / "f.json")]) == 1
    assert capsys.readouterr().err == "error: flite is missing\n"


def test_a_set_that_is_not_there_is_told(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("bench_lipsync.command.speech_sets", lambda: {"noise": []})
    assert main(["--only", "nois e", "--json", str(tmp_path / "f.json")]) == 1
    assert "no set's title contains 'nois e'" in capsys.readouterr().err


def test_silence_around_recorded_words_is_told_from_their_first_sound(monkeypatch):
    """The aligner gives the silence at both ends to the first and last phone: it is cut off."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", type(sys)("pocketsphinx"))
    sys.modules["pocketsphinx"].Decoder = None
    from bench_lipsync.align_real_speech import trimmed

    samples = np.zeros(16000, np.int16)
    samples[4800:11200] = 8000  # 0.3 to 0.7 s
    phones = [["P", 0.0, 0.4], ["AA", 0.4, 0.5], ["SIL", 0.5, 0.55], ["T", 0.55, 1.0]]
    names, starts, ends = zip(*trimmed(phones, samples), strict=True)
    assert names == ("SIL", "P", "AA", "SIL", "T", "SIL")
    assert starts == pytest.approx((0, 0.28, 0.4, 0.5, 0.55, 0.72), abs=0.011)
    assert ends[-1] == 1.0


needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="no node, which `make bench-lipsync` brings"
)


@needs_node
def test_the_imitated_analyser_hears_a_tone_as_a_browser_does(root):
    """A sine of amplitude 1 at bin 40: -20 log10(2 / 0.42) dB under full scale in that bin."""
    script = f"""
import {{ Analyser, fft, RATE }} from "{(root / "scripts/bench_lipsync/node_peers.mjs").as_uri()}";
const a = new Analyser();
a.smoothing = 0;
a.samples = Float32Array.from({{ length: 4096 }}, (_, i) => Math.sin(2 * Math.PI * 40 * i / 2048));
a.position = 4096;
const bytes = new Uint8Array(1024);
a.getByteFrequencyData(bytes);
const re = Float64Array.from({{ length: 8 }}, (_, i) => i), im = new Float64Array(8);
fft(re, im);
a.samples = new Float32Array(4096);
const silent = new Uint8Array(1024);
a.getByteFrequencyData(silent);
console.log(JSON.stringify({{ peak: bytes.indexOf(Math.max(...bytes)), top: a.smoothed.length,
  bytes: [...bytes.slice(38, 43)], far: bytes[200], re: [...re], im: [...im],
  silent: Math.max(...silent), rate: RATE }}));
"""
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["rate"] == 48000
    assert told["peak"] in (39, 40, 41)
    assert told["bytes"][2] == 255  # far above -30 dB
    assert told["far"] == 0
    assert told["silent"] == 0
    reference = np.fft.fft(np.arange(8))
    assert told["re"] == pytest.approx(reference.real.tolist())
    assert told["im"] == pytest.approx(reference.imag.tolist())


PEER_ENVIRONMENT = pytest.mark.skipif(
    not (PYTHON.is_file() and MODULES.is_dir()),
    reason="no libraries to compare with; `make bench-lipsync` installs them",
)


@PEER_ENVIRONMENT
@needs_node
@pytest.mark.parametrize("peer", ["openfacefx", "wawa-lipsync", "headaudio"])
def test_a_real_peer_moves_with_speech_and_rests_in_silence(peer, speeches, tmp_path):
    with_tail = [
        dataclasses.replace(
            speech,
            samples=np.concatenate([speech.samples, np.zeros(2 * speech.sample_rate, np.int16)]),
        )
        for speech in speeches
    ]
    found = answers(peer, with_tail, tmp_path)
    for answer, speech in zip(found, speeches, strict=True):
        assert len(answer.values) / answer.rate == pytest.approx(speech.seconds + 2.0, abs=0.1)
        assert answer.cpu_ms > 0
        shapes = np.stack([controls_of_viseme(name) for name in answer.names])
        movement = np.abs(np.diff(answer.values @ shapes, axis=0)).sum(axis=1)
        end = round(speech.seconds * answer.rate)
        assert movement[:end].sum() > 10 * movement[end + 60 :].sum()


def test_the_file_of_the_peers_needs_nothing_of_the_project():
    """It runs in another environment: only numpy and the peers, imported where they are used."""
    spec = importlib.util.find_spec("bench_lipsync.python_peers")
    source = open(spec.origin).read()  # noqa: PTH123, SIM115
    assert "driving_client" not in source
