# SPDX-License-Identifier: Apache-2.0
"""The small avatar of the tests of splat_gles."""

from __future__ import annotations

import pytest
from made_up_avatar import make_avatar

from splat_gles.avatar import Avatar


@pytest.fixture(scope="session")
def small_avatar() -> Avatar:
    return make_avatar()
