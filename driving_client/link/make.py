# SPDX-License-Identifier: Apache-2.0
"""Makes the link that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable

from driving_client.link.driveningress import DrivingIngressLink
from driving_client.link.interface import EventSink, Link
from driving_client.link.relay import RelayLink
from driving_client.link.session_record import Forgetful, SessionRecord
from driving_client.link.settings import LinkSettings


def make_link(
    settings: LinkSettings,
    sink: EventSink,
    record: SessionRecord | None = None,
    latest: Callable[[], LinkSettings] | None = None,
) -> Link:
    """The link of the configured dialect; `sink` hears its events on the network's thread.

    `record` keeps which endpoints have worked; without one it is forgotten with the link.
    `latest` is asked before each connection: credentials may have been renewed
    (`LinkSettings.same_session`).
    """
    kind = RelayLink if settings.dialect == "relay" else DrivingIngressLink
    return kind(settings, sink, Forgetful() if record is None else record, latest)
