# SPDX-License-Identifier: Apache-2.0
"""What a board does before kioskd starts: who it is, and whose configuration it runs.

Runs as root at every start (`kioskctl first-boot`), and writes only where something changed.
"""
