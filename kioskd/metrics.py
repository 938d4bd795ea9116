# SPDX-License-Identifier: Apache-2.0
"""Every metric of the kiosk in one table, so that names, units and help stay in one place.

Base units throughout (seconds, bytes). One `Metrics` per daemon with a registry of its own:
tests make as many as they like.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from kioskd.log import suppressed_lines
from kioskd.process_figures import ProcessFigures

_SIGNED_BUCKETS = (-0.2, -0.1, -0.06, -0.04, -0.02, -0.01, 0.0, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2)
_DELAY_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_COST_BUCKETS = (0.002, 0.004, 0.006, 0.008, 0.01, 0.0133, 0.0167, 0.025, 0.0333, 0.05, 0.1, 0.2)
_FRAME_BUCKETS = (0.008, 0.012, 0.0167, 0.02, 0.025, 0.0334, 0.04, 0.05, 0.0667, 0.1, 0.2, 0.5)


class Metrics:
    """The daemon's metrics; prometheus_client's objects are safe to use from any thread."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.frame_interval = Histogram(
            "kiosk_frame_interval_seconds", "Time between two frames shown",
            buckets=_FRAME_BUCKETS, registry=registry)  # fmt: skip
        self.sync_offset = Histogram(
            "kiosk_sync_offset_seconds",
            "Motion time of the frame shown minus the audio position heard at that moment",
            buckets=_SIGNED_BUCKETS, registry=registry)  # fmt: skip
        self.first_motion_delay = Histogram(
            "kiosk_first_motion_to_frame_seconds",
            "Time from an utterance's first motion received to its first speaking frame shown",
            buckets=_DELAY_BUCKETS, registry=registry)  # fmt: skip
        self.interrupt_delay = Histogram(
            "kiosk_interrupt_to_silence_seconds", "Time from an interrupt to silence",
            buckets=_DELAY_BUCKETS, registry=registry)  # fmt: skip
        self.link_bytes = Counter(
            "kiosk_link_bytes", "Bytes exchanged with the driving endpoint",
            ["direction"], registry=registry)  # fmt: skip
        self.link_up = Gauge("kiosk_link_up", "1 while the session is confirmed", registry=registry)
        self.speech_seconds = Counter(
            "kiosk_speech_seconds", "Seconds of speech played", registry=registry)  # fmt: skip
        self.utterances = Counter(
            "kiosk_utterances", "Utterances by outcome: ended, interrupted, failed",
            ["outcome"], registry=registry)  # fmt: skip
        self.audio_only = Counter(
            "kiosk_audio_only_utterances", "Utterances that went on without motion",
            ["reason"], registry=registry)  # fmt: skip
        self.local_motion_seconds = Counter(
            "kiosk_local_motion_seconds",
            "Seconds of speech whose lips followed its sound for want of motion",
            ["reason"], registry=registry)  # fmt: skip
        self.xruns = Counter(
            "kiosk_audio_xruns", "Underruns of the sound device", registry=registry)  # fmt: skip
        self.audio_device_lost = Counter(
            "kiosk_audio_device_lost", "Times the sound device went away",
            registry=registry)  # fmt: skip
        self.frames = Counter("kiosk_frames", "Frames shown", registry=registry)
        self.missed_frames = Counter(
            "kiosk_missed_frames", "Frames that were missed between two that were shown",
            registry=registry)  # fmt: skip
        self.frame_cost = Histogram(
            "kiosk_frame_cost_seconds",
            "GPU or CPU time of a frame, whichever is longer (offscreen: their sum)",
            buckets=_COST_BUCKETS, registry=registry)  # fmt: skip
        self.render_scale = Gauge(
            "kiosk_render_scale",
            "Internal resolution as a fraction of the screen's, along each side",
            registry=registry)  # fmt: skip
        self.render_divisor = Gauge(
            "kiosk_render_divisor", "N, where every Nth refresh of the screen is drawn",
            registry=registry)  # fmt: skip
        self.render_load = Gauge(
            "kiosk_render_load", "Median share of the frame period that recent frames took",
            registry=registry)  # fmt: skip
        self.quality_changes = Counter(
            "kiosk_quality_changes",
            "Changes of resolution or rate by the governor: overload, late_frames, room, trial, "
            "no_room, heat, limit",
            ["reason"], registry=registry)  # fmt: skip
        self.screen_reopened = Counter(
            "kiosk_screen_reopened",
            "Times the display was reopened because its picture was empty or frozen",
            registry=registry)  # fmt: skip
        self.link_failures = Counter(
            "kiosk_link_failures", "Times the session with the endpoint was lost or refused",
            registry=registry)  # fmt: skip
        self.link_faults = Counter(
            "kiosk_link_faults", "Unexpected exceptions in the link; please report them",
            registry=registry)  # fmt: skip
        self.link_bad_frames = Counter(
            "kiosk_link_bad_frames", "Frames of the driving endpoint that were damaged",
            registry=registry)  # fmt: skip
        self.check_state = Gauge(
            "kiosk_check_state", "State of a health check: 0 pass, 1 warn, 2 fail",
            ["check"], registry=registry)  # fmt: skip
        self.storage_free = Gauge(
            "kiosk_storage_free_ratio", "Free share of the file system of the kiosk's data",
            registry=registry)  # fmt: skip
        self.storage_errors = Gauge(
            "kiosk_storage_ext4_errors", "Errors that ext4 has recorded on this board",
            registry=registry)  # fmt: skip
        self.storage_life = Gauge(
            "kiosk_storage_emmc_life_ratio",
            "Upper bound of the share of the flash's life used, by its own estimate; 0 unknown",
            registry=registry)  # fmt: skip
        self.storage_end_of_life = Gauge(
            "kiosk_storage_emmc_pre_eol",
            "Spare blocks as the flash reports them: 1 normal, 2 80 % used, 3 urgent, 0 unknown",
            registry=registry)  # fmt: skip
        self.time_synced = Gauge(
            "kiosk_time_synced", "1 once the clock has been synchronised over the network",
            registry=registry)  # fmt: skip
        self.slot_info = Gauge(
            "kiosk_update_slot_info", "1 for the slot that runs, 0 for the other one",
            ["slot", "version"], registry=registry)  # fmt: skip
        self.update_tries = Gauge(
            "kiosk_update_tries_left", "Starts left to an image on trial",
            registry=registry)  # fmt: skip
        self.update_failures = Gauge(
            "kiosk_update_failures", "Images in a row that failed their trial",
            registry=registry)  # fmt: skip
        self.http_refused = Counter(
            "kiosk_http_refused",
            "Connections and requests turned away: full, by_source, too_often, displaced, "
            "handshake, overdue, malformed",
            ["reason"], registry=registry)  # fmt: skip
        self.http_restarts = Counter(
            "kiosk_http_restarts", "Times the HTTP server's thread was stuck and was restarted",
            registry=registry)  # fmt: skip
        self.info = Gauge(
            "kiosk_info", "Always 1; its labels say what runs here",
            ["version", "avatar", "serial", "board"], registry=registry)  # fmt: skip
        registry.register(ProcessFigures())
        registry.register(LogFigures())


class LogFigures(Collector):
    """What the log counted instead of writing; read anew at every request for /metrics."""

    def collect(self) -> Iterator[Metric]:
        """One counter, a sample for each code."""
        lines = CounterMetricFamily(
            "kiosk_log_lines_suppressed",
            "Repeated lines that the log counted instead of writing, by code",
            labels=["code"],
        )
        for code, count in suppressed_lines().items():
            lines.add_metric([code], count)
        yield lines
