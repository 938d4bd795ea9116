# SPDX-License-Identifier: Apache-2.0
"""The network side of the kiosk: the driving endpoint's wire protocol, sessions and utterances.

Knows nothing of pictures or sound cards. It yields utterances (audio samples and motion
frames on one time axis) and link events; kioskd turns them into a face and a voice.
"""

from driving_client.driveningress import DrivingIngressLink
from driving_client.link import EventSink, Link
from driving_client.relay import RelayLink
from driving_client.retry import Backoff
from driving_client.session_settings import LinkSettings

__all__ = ["Backoff", "LinkSettings", "make_link"]


def make_link(settings: LinkSettings, sink: EventSink) -> Link:
    """The link of the configured dialect; `sink` hears its events on the network's thread."""
    kind = RelayLink if settings.dialect == "relay" else DrivingIngressLink
    return kind(settings, sink)
