# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between the test and its machine."""

from firmware.errors import FirmwareError


class MachineError(FirmwareError):
    """QEMU or the guest did not do what was asked; the message has the console's last words."""
