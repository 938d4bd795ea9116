# SPDX-License-Identifier: Apache-2.0
"""How the kiosk is: checks, the HTTP server that shows them, pictures and console page."""
