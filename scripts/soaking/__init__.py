# SPDX-License-Identifier: Apache-2.0
"""A kiosk that lives through hours of kills, floods, attacks and speech: `make soak`."""
