# SPDX-License-Identifier: Apache-2.0
"""A kiosk that is measured while its HTTP port is attacked: `make bench-attacks`."""
