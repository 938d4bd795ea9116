# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests of driving_client."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def tone() -> np.ndarray:
    """One second at 16 kHz, no two neighbouring samples alike."""
    return (np.sin(np.arange(16000) * 0.3) * 9000).astype(np.int16)
