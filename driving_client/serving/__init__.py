# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that strangers reach: limits on what they can take of it.

What an application answers is not known here. kioskd's server and the embedded endpoint share
this, because anyone on the network can reach both.
"""

from driving_client.serving.bodies import (
    BODY_S,
    media_type,
    pieces,
    plain_bodies,
    read_body,
    read_off,
)
from driving_client.serving.places import Limits
from driving_client.serving.protocol import meter_connection
from driving_client.serving.server import GuardedServer

__all__ = [
    "BODY_S",
    "GuardedServer",
    "Limits",
    "media_type",
    "meter_connection",
    "pieces",
    "plain_bodies",
    "read_body",
    "read_off",
]
