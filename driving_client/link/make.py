# SPDX-License-Identifier: Apache-2.0
"""Makes the link that the settings ask for."""

from __future__ import annotations

from driving_client.link.driveningress import DrivingIngressLink
from driving_client.link.interface import EventSink, Link
from driving_client.link.relay import RelayLink
from driving_client.link.session_record import Forgetful, SessionRecord
from driving_client.link.settings import LinkSettings


def make_link(settings: LinkSettings, sink: EventSink, record: SessionRecord | None = None) -> Link:
    """The link of the configured dialect; `sink` hears its events on the network's thread.

    `record` keeps which endpoints have worked; without one it is forgotten with the link.
    """
    kind = RelayLink if settings.dialect == "relay" else DrivingIngressLink
    return kind(settings, sink, Forgetful() if record is None else record)
