# SPDX-License-Identifier: Apache-2.0
"""Where the speech model runs: the CPU at once, the NPU if it turns out right and quicker.

Trying the NPU takes seconds and may hang, so a thread of its own does it while the kiosk
already runs. A mouth keeps the net that it was made with.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from driving_client.errors import DrivingError
from driving_client.lipsync.npu import ChosenNet, choose_net
from driving_client.lipsync.speech_mouth import SpeechMouth

logger = logging.getLogger(__name__)


class SpeechNet:
    """Makes mouths; `chosen` is None until the NPU has been tried, or where there is `damage`."""

    def __init__(self, choose: Callable[[], ChosenNet] = choose_net) -> None:
        self._choose = choose
        self.chosen: ChosenNet | None = None
        self.damage = ""

    def start(self) -> None:
        """Begin to try the NPU, on a thread that never holds up the end of the program."""
        threading.Thread(target=self._try, name="npu", daemon=True).start()

    def mouth(self, sample_rate: int) -> SpeechMouth:
        """A mouth for a voice at this rate, on the best net known so far."""
        chosen = self.chosen
        return SpeechMouth(sample_rate, chosen.net if chosen else None)

    def _try(self) -> None:
        try:
            self.chosen = self._choose()
        except DrivingError as error:
            self.damage = str(error)
            logger.error("speech model: %s", error, extra={"code": "speech_model_damaged"})
            return
        logger.info(
            "lips by %s: %s", self.chosen.backend, self.chosen.reason, extra={"code": "net_chosen"}
        )
