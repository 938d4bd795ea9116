# SPDX-License-Identifier: Apache-2.0
"""The thin layer over OpenGL ES 3.0: functions, programs, buffers, textures, fences."""
