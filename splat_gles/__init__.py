# SPDX-License-Identifier: Apache-2.0
"""3D-Gaussian-splat avatars: bundles, rig and an OpenGL ES renderer.

Knows nothing of networks or time; `python -m splat_gles --help` uses it alone.
"""
