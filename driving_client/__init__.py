# SPDX-License-Identifier: Apache-2.0
"""The network side of the kiosk: the driving endpoint's wire protocol, sessions and utterances.

Knows nothing of pictures or sound cards. It yields utterances (audio samples and motion
frames on one time axis) and link events; kioskd turns them into a face and a voice.
"""
