# SPDX-License-Identifier: Apache-2.0
"""Writing the firmware to a board: one module for each family of tools.

`rkdeveloptool` (Rockchip), `genio` (MediaTek Genio), `fastboot` and `ssh` (any Linux that
already runs). All of them look before they write, name partitions and never offsets, keep
what was there, read back what they wrote, and say what state they leave the board in.
"""
