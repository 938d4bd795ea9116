# SPDX-License-Identifier: Apache-2.0
"""`make shader-report`: our shaders through the compiler of the boards' GPUs, without a board."""
