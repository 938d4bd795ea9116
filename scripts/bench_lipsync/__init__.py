# SPDX-License-Identifier: Apache-2.0
"""The lip-sync benchmark: our mouth and those of other libraries on the same audio."""
