# SPDX-License-Identifier: Apache-2.0
"""What a voice stresses and where it pauses, and how head and brows go with it.

`voice_track` hears level and pitch, `syllables` finds vowels, their prominence and the phrases,
`gestures` makes strokes of head, brows and lids of them, and `speaking` puts all together
for one utterance, a little ahead of what is heard. It knows no avatar and no player.
"""
