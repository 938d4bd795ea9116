# SPDX-License-Identifier: Apache-2.0
"""The configuration: one table of options, and the files that set them."""

from kioskd.config.loading import ConfigError, Loaded, load, read_secret
from kioskd.config.table import Config

__all__ = ["Config", "ConfigError", "Loaded", "load", "read_secret"]
