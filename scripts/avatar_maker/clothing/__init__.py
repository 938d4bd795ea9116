# SPDX-License-Identifier: Apache-2.0
"""What the person wears: fabric, neckband or collar, and tailored pieces."""
