# SPDX-License-Identifier: Apache-2.0
"""Whether somebody is there: a touch of the screen, or a sensor that Linux has as an input device.

A sensor on a GPIO line is one by the device tree's `gpio-keys`; another way to it is not offered.
"""
