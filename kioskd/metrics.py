# SPDX-License-Identifier: Apache-2.0
"""Every metric of the kiosk in one table, so that names, units and help stay in one place.

Base units throughout (seconds, bytes). One `Metrics` per daemon with a registry of its own:
tests make as many as they like.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from kioskd.log import suppressed_lines
from kioskd.process_figures import ProcessFigures

_OFFSET_BUCKETS = (0.01, 0.02, 0.04, 0.06, 0.1, 0.2)
_DELAY_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_COST_BUCKETS = (0.002, 0.004, 0.006, 0.008, 0.01, 0.0133, 0.0167, 0.025, 0.0333, 0.05, 0.1, 0.2)
_FRAME_BUCKETS = (0.008, 0.012, 0.0167, 0.02, 0.025, 0.0334, 0.04, 0.05, 0.0667, 0.1, 0.2, 0.5)


class Metrics:
    """The daemon's metrics; prometheus_client's objects are safe to use from any thread."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.frame_interval = histogram(
            "kiosk_frame_interval_seconds", "Time between two frames shown", buckets=_FRAME_BUCKETS
        )
        self.sync_offset = histogram(
            "kiosk_sync_offset_seconds",
            "Between the motion time of the frame shown and the audio position heard at that "
            "moment; early: the lips are ahead of the sound",
            ["lips"],
            buckets=_OFFSET_BUCKETS,
        )
        for lips in ("early", "late"):
            self.sync_offset.labels(lips)
        self.first_motion_delay = histogram(
            "kiosk_first_motion_to_frame_seconds",
            "Time from an utterance's first motion received to its first speaking frame shown",
            buckets=_DELAY_BUCKETS,
        )
        self.interrupt_delay = histogram(
            "kiosk_interrupt_to_silence_seconds",
            "Time from an interrupt to silence",
            buckets=_DELAY_BUCKETS,
        )
        self.link_bytes = counter(
            "kiosk_link_bytes", "Bytes exchanged with the driving endpoint", ["direction"]
        )
        self.link_up = gauge("kiosk_link_up", "1 while the session is confirmed")
        self.speech_seconds = counter("kiosk_speech_seconds", "Seconds of speech played")
        self.utterances = counter(
            "kiosk_utterances", "Utterances by outcome: ended, interrupted, failed", ["outcome"]
        )
        self.audio_only = counter(
            "kiosk_audio_only_utterances", "Utterances that went on without motion", ["reason"]
        )
        self.local_motion_seconds = counter(
            "kiosk_local_motion_seconds",
            "Seconds of speech whose lips followed its sound because it had no motion",
            ["reason"],
        )
        self.xruns = counter("kiosk_audio_xruns", "Underruns of the sound device")
        self.audio_device_lost = counter(
            "kiosk_audio_device_lost", "Times the sound device was lost"
        )
        self.ears_open = gauge("kiosk_ears_open", "1 while the microphone records")
        self.ears_heard_seconds = counter("kiosk_ears_heard_seconds", "Seconds of sound recorded")
        self.ears_level = gauge(
            "kiosk_ears_level_db", "Level of the last second at the microphone, full scale is 0"
        )
        self.ears_echo_reduction = gauge(
            "kiosk_ears_echo_reduction_db",
            "By how much the kiosk's own voice is taken out, over its last 10 s; 0 while unknown",
        )
        self.ears_barge_in = gauge(
            "kiosk_ears_barge_in", "1 while a visitor who speaks makes the kiosk fall silent"
        )
        self.ears_turns = counter(
            "kiosk_ears_turns",
            "Times a visitor began to speak, and whether over the kiosk's own voice: yes, no",
            ["over"],
        )
        self.ears_cpu_seconds = counter(
            "kiosk_ears_cpu_seconds", "Seconds of CPU that the ears' thread has taken"
        )
        self.ears_overruns = counter(
            "kiosk_ears_overruns", "Times sound was lost because it was not fetched in time"
        )
        self.ears_faults = counter(
            "kiosk_ears_faults", "Unexpected exceptions in the ears; please report them"
        )
        self.loudspeaker_delay = gauge(
            "kiosk_loudspeaker_delay_seconds",
            "From the sound card's buffer to the ear, measured by the microphone; 0 until it was",
        )
        self.loudspeaker_heard = counter(
            "kiosk_loudspeaker_heard_seconds",
            "Seconds of loud own voice that came back to the microphone (yes), or did not (no)",
            ["heard"],
        )
        self.loudspeaker_level = gauge(
            "kiosk_loudspeaker_level_db",
            "How loud the microphone recorded own voice, dB below full scale; 0 until it did",
        )
        self.frames = counter("kiosk_frames", "Frames shown")
        self.missed_frames = counter(
            "kiosk_missed_frames", "Frames missed between two frames shown"
        )
        self.frame_cost = histogram(
            "kiosk_frame_cost_seconds",
            "GPU or CPU time of a frame, whichever is longer (offscreen: their sum)",
            buckets=_COST_BUCKETS,
        )
        self.render_scale = gauge(
            "kiosk_render_scale",
            "Internal resolution as a fraction of the screen's, per side",
        )
        self.render_divisor = gauge(
            "kiosk_render_divisor", "N, where every Nth refresh of the screen is drawn"
        )
        self.render_load = gauge(
            "kiosk_render_load", "Median share of the frame period that recent frames took"
        )
        self.quality_changes = counter(
            "kiosk_quality_changes",
            "Changes of resolution or rate by the governor: overload, late_frames, room, trial, "
            "no_room, heat, limit",
            ["reason"],
        )
        self.screen_reopened = counter(
            "kiosk_screen_reopened",
            "Times the display was reopened because its picture was empty or frozen",
        )
        self.screen_given_up = counter(
            "kiosk_screen_given_up",
            "Times the moving picture was given up for a while because reopening did not help",
        )
        self.link_failures = counter(
            "kiosk_link_failures", "Times the session with the endpoint was lost or refused"
        )
        self.link_faults = counter(
            "kiosk_link_faults", "Unexpected exceptions in the link; please report them"
        )
        self.link_bad_frames = counter(
            "kiosk_link_bad_frames", "Frames of the driving endpoint that were damaged"
        )
        self.link_sessions = counter(
            "kiosk_link_sessions", "Sessions with the driving endpoint that were established"
        )
        self.link_messages = counter(
            "kiosk_link_messages", "Messages received from the driving endpoint"
        )
        self.link_late_messages = counter(
            "kiosk_link_late_messages",
            "Messages dropped because the speech that they belong to is over or unknown",
        )
        self.link_frames_dropped = counter(
            "kiosk_link_motion_frames_dropped",
            "Frames of motion dropped because a value was out of range or not a number",
        )
        self.link_microphone_dropped = counter(
            "kiosk_link_microphone_dropped_seconds",
            "Seconds of the microphone that the driving endpoint asked for and a slow uplink lost",
        )
        self.link_errors = counter(
            "kiosk_link_errors",
            "Errors of the session with the driving endpoint by code, whether they ended it or not",
            ["code"],
        )
        self.listeners = gauge("kiosk_listeners", "Clients of /v1/listen: they hear the microphone")
        self.listen_dropped = counter(
            "kiosk_listen_dropped_seconds", "Seconds of sound that slow clients of /v1/listen lost"
        )
        self.check_state = gauge(
            "kiosk_check_state", "State of a health check: 0 pass, 1 warn, 2 fail", ["check"]
        )
        self.storage_free = gauge(
            "kiosk_storage_free_ratio", "Free share of the file system that holds the kiosk's data"
        )
        self.storage_errors = gauge(
            "kiosk_storage_ext4_errors", "Errors that ext4 has recorded on this board"
        )
        self.storage_life = gauge(
            "kiosk_storage_emmc_life_ratio",
            "Upper bound of the share of the flash's life used, by its own estimate; 0 unknown",
        )
        self.storage_end_of_life = gauge(
            "kiosk_storage_emmc_pre_eol",
            "Spare blocks as the flash reports them: 1 normal, 2 80 % used, 3 urgent, 0 unknown",
        )
        self.time_synced = gauge(
            "kiosk_time_synced", "1 once the clock has been synchronised over the network"
        )
        self.slot_info = gauge(
            "kiosk_update_slot_info",
            "1 for the slot that runs, 0 for the other one",
            ["slot", "version"],
        )
        self.update_tries = gauge("kiosk_update_tries_left", "Starts left to an image on trial")
        self.update_failures = gauge(
            "kiosk_update_failures", "Images in a row that failed their trial"
        )
        self.http_refused = counter(
            "kiosk_http_refused",
            "Connections and requests turned away: full, by_source, too_often, displaced, "
            "handshake, overdue, malformed",
            ["reason"],
        )
        self.http_restarts = counter(
            "kiosk_http_restarts", "Times the HTTP server's thread was stuck and was restarted"
        )
        self.info = gauge(
            "kiosk_info",
            "Always 1; its labels say which version, avatar and board this is",
            ["version", "avatar", "serial", "board"],
        )
        registry.register(ProcessFigures())
        registry.register(LogFigures())

    def observe_sync(self, offset_s: float) -> None:
        """Count a frame; positive: its lips are ahead of the sound.

        By side, because a histogram that observes negative values has no sum, and strict readers
        of OpenMetrics then refuse the whole answer.
        """
        self.sync_offset.labels("early" if offset_s >= 0 else "late").observe(abs(offset_s))


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
