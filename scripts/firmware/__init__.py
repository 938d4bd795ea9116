# SPDX-License-Identifier: Apache-2.0
"""Builds what is flashed: payload, its signed image, and the deliveries of a board."""
