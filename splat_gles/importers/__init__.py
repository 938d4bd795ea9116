# SPDX-License-Identifier: Apache-2.0
"""Importers: other people's avatar formats in, an Avatar out.

They run where a bundle is made, never on the board.
"""
