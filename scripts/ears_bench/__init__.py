# SPDX-License-Identifier: Apache-2.0
"""Whether the kiosk hears visitors and never itself, in simulated rooms: `make bench-ears`."""
