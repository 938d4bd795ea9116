# SPDX-License-Identifier: Apache-2.0
"""The stage that the configuration and the board ask for, with what belongs to a board's screen."""

from __future__ import annotations

import math

from kioskd.board_facts import BoardFacts
from kioskd.config import Config
from kioskd.config.part_settings import background, display_size
from kioskd.screen.lookout import lookout_for
from kioskd.screen.opening_mark import OpeningMark
from kioskd.screen.stage import Stage
from kioskd.screen.still_picture import StillPicture
from kioskd.screen.still_screen import StillScreen
from kioskd.service.folders import own_folder
from splat_gles.avatar import Avatar


def stage_for(avatar: Avatar, config: Config, board: BoardFacts) -> Stage:
    """Not yet open."""
    driver, color = config.display.driver, background(config)
    lookout, still = lookout_for(driver, board), None
    if lookout is not None:
        yaw = math.radians(config.avatar.yaw_degrees)
        quarters = config.display.rotate // 90
        still = StillScreen(StillPicture(avatar, color, yaw, own_folder(), quarters))
    folder = own_folder()
    return Stage(
        avatar,
        driver,
        display_size(config),
        color,
        board.drm_drivers,
        lookout,
        still,
        mark=None if folder is None else OpeningMark(folder),
    )
