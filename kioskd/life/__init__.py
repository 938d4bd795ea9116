# SPDX-License-Identifier: Apache-2.0
"""What makes a face look alive that nobody sent: eyes, lids, breath, posture, idle movement.

Smooth functions of time, of a seed and of what the kiosk is doing; they know no avatar and no
utterance. `kioskd.playback` lays them over the pose.
"""
