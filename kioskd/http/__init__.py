# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface: who may ask what, and the answers; what they tell is made elsewhere."""
