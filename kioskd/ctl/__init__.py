# SPDX-License-Identifier: Apache-2.0
"""kioskctl, the operator's command line.

What asks kioskd talks only HTTP and works from any machine; what changes the board (images,
slots, first configuration) works on its files and needs no running kioskd.
"""
