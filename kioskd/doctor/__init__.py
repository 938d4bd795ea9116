# SPDX-License-Identifier: Apache-2.0
"""What a person with a board in hand wants checked, also while kioskd does not run.

The same form as the health checks (`kioskd.health.status`), but run once, as the user who asks,
on the board's own files: kernel, groups, graphics, sound, store, slots, services.
"""
