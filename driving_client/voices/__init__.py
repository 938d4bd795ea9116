# SPDX-License-Identifier: Apache-2.0
"""Text to sound and timed phonemes, by whichever synthesiser is there."""
