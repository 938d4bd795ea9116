# SPDX-License-Identifier: Apache-2.0
"""How alive the face is: minutes of the real player by a clock that is not waited for, measured."""
