# SPDX-License-Identifier: Apache-2.0
"""Making retarget files and measuring recordings: numpy alone, and never on a board."""
