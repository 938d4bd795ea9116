# SPDX-License-Identifier: Apache-2.0
"""The bytes of a voice: which format they have, and their samples.

The kiosk's `POST /v1/speak` and the embedded endpoint's `POST /say` share this, so that both take
and refuse the same. Whatever is refused is refused before its first sample comes out.
"""

from driving_client.voice_formats.decoder import VoiceDecoder
from driving_client.voice_formats.errors import VoiceError, VoiceFormatError
from driving_client.voice_formats.rates import asked_rate

__all__ = ["VoiceDecoder", "VoiceError", "VoiceFormatError", "asked_rate"]
