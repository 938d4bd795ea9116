# SPDX-License-Identifier: Apache-2.0
"""The embedded driving endpoint: speech and motion made on this machine, both dialects."""

from driving_client.endpoint.app import make_endpoint
from driving_client.endpoint.settings import EndpointSettings

__all__ = ["EndpointSettings", "make_endpoint"]
