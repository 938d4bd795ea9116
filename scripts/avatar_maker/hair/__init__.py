# SPDX-License-Identifier: Apache-2.0
"""Hair of head and beard: where it grows, how it falls, and the splats of its strands."""
