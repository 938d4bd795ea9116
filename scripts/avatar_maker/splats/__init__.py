# SPDX-License-Identifier: Apache-2.0
"""What every part of a person is made of: meshes covered with splats, lit, and thinned out."""
