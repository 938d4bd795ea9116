# SPDX-License-Identifier: Apache-2.0
"""Data in the real formats that the tests make themselves, with the quirks of the real files."""
