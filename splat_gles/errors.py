# SPDX-License-Identifier: Apache-2.0
"""Every error that splat_gles raises on purpose, under one root.

A message says what is wrong, where, and how to mend it.
"""


class SplatError(Exception):
    """Root of the errors of splat_gles."""


class BundleError(SplatError):
    """An avatar bundle is damaged, of a newer format, or over the size limits."""


class ImportSourceError(SplatError):
    """A file given to the importer is not what it should be."""


class ClipError(SplatError):
    """A clip is missing or its file is damaged."""


class RigError(SplatError):
    """Parameters do not fit the avatar's rig."""


class DisplayError(SplatError):
    """No window, context or GL feature is available."""


class RenderError(SplatError):
    """Drawing or reading back failed."""
