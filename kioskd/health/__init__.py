# SPDX-License-Identifier: Apache-2.0
"""How the kiosk is: one class for each check, and the one list that runs them."""
