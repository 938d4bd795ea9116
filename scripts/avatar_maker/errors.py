# SPDX-License-Identifier: Apache-2.0
"""The one error that building the default avatar raises on purpose."""


class BuildError(Exception):
    """The source data is missing or not what the build was written for."""
