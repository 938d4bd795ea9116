# SPDX-License-Identifier: Apache-2.0
"""Builds avatars from the CC0 MakeHuman data; runs at build time, never on a kiosk.

Folders import downwards only, from `splats`, of which everything is made, to `body`, `hair` and
`face`; `clothing` stands on `body`. The files here put them together: recipe in, avatar out.
"""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
