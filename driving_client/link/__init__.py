# SPDX-License-Identifier: Apache-2.0
"""The client's side of the network: sessions, both dialects, tokens, limits, and what to retry."""
