# SPDX-License-Identifier: Apache-2.0
"""The voice: samples of an utterance to the sound device, and the clock that they make.

Knows nothing of motion or pictures. `AudioOutput` is all that the player needs.
"""
