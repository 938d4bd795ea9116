# SPDX-License-Identifier: Apache-2.0
"""What the naked mesh lacks of a face: skin, eyes with lids, lashes and brows, and the mouth."""
