# SPDX-License-Identifier: Apache-2.0
"""From utterances and the audio position to what the face does at this instant.

`Player` is what the service needs; the other modules are its parts.
"""
