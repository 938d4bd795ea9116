# SPDX-License-Identifier: Apache-2.0
"""The kiosk daemon: owns time and life. The only package that imports the two others."""

__version__ = "0.1.0"
