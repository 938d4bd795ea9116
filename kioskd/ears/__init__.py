# SPDX-License-Identifier: Apache-2.0
"""The microphone: what the visitor says, without what the kiosk says itself, and whose turn it is.

microphone → echo cancelled with what the loudspeaker played → voice activity → turns → events.
Nothing is stored, and no word is known here: speech recognition is the other side's.
"""
