# SPDX-License-Identifier: Apache-2.0
"""Builds avatars from the CC0 MakeHuman data; runs at build time, never on a kiosk."""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
