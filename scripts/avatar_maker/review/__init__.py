# SPDX-License-Identifier: Apache-2.0
"""What people and tests judge an avatar by: poses, views, and the contact sheet of them."""
