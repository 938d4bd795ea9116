# SPDX-License-Identifier: Apache-2.0
"""Speech to motion: espeak-ng's phonemes, or a voice alone, to mouth controls and FLAME frames."""
