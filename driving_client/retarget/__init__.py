# SPDX-License-Identifier: Apache-2.0
"""FLAME motion onto ARKit rigs, and mouth controls into FLAME motion, by one fitted file."""

from driving_client.retarget.mapping import Retarget
from driving_client.retarget.mouth import CONTROL_NAMES
from driving_client.retarget.retarget_file import load_retarget, parse_retarget, write_retarget

__all__ = ["CONTROL_NAMES", "Retarget", "load_retarget", "parse_retarget", "write_retarget"]
