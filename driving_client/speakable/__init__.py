# SPDX-License-Identifier: Apache-2.0
"""Texts made for the eye become what a voice says."""
