# SPDX-License-Identifier: Apache-2.0
"""From the avatar and the player's pose to frames on the screen, one after the other."""
