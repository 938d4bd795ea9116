# SPDX-License-Identifier: Apache-2.0
"""Builds avatars from the CC0 MakeHuman data; runs at build time, never on a kiosk."""

import os
import sys
from pathlib import Path

# The scripts run from a checkout, where the project's packages lie two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
