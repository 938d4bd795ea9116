# SPDX-License-Identifier: Apache-2.0
"""Boots the image of a board in QEMU: base system, disk, machine, and means to watch it."""
