# SPDX-License-Identifier: Apache-2.0
"""Real processes in a network of their own, for tests that attack, kill and flood them."""
