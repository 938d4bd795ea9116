# SPDX-License-Identifier: Apache-2.0
"""Fits a few splats to pictures of many."""
