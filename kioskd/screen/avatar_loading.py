# SPDX-License-Identifier: Apache-2.0
"""Loads the avatar that is configured, or the default one in its place with the reason."""

from __future__ import annotations

import logging
from pathlib import Path

from kioskd.config.sections import DEFAULT_AVATAR
from kioskd.errors import KioskError
from kioskd.screen.snapshot import AvatarSnapshot
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.errors import BundleError

logger = logging.getLogger(__name__)


class AvatarError(KioskError):
    """Neither the configured avatar nor the default one can be loaded."""


def load_avatar(configured: str) -> tuple[Avatar, AvatarSnapshot]:
    """The avatar and what health says about it; raises AvatarError when there is none at all."""
    problems = []
    for path in dict.fromkeys((configured or DEFAULT_AVATAR, DEFAULT_AVATAR)):
        try:
            avatar = read_bundle(Path(path))
        except (BundleError, OSError) as error:
            problem = str(error) if str(path) in str(error) else f"{path}: {error}"
            problems.append(problem)
            logger.error("%s", problem, extra={"code": "avatar_not_loaded"})
            continue
        told = f"{'; '.join(problems)}; the default avatar is shown instead" if problems else ""
        return avatar, AvatarSnapshot(avatar.name, avatar.splats, told)
    raise AvatarError(
        f"no avatar can be loaded ({'; '.join(problems)}); set avatar.path to a bundle made by "
        "`python -m splat_gles import`"
    )
