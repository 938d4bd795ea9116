# SPDX-License-Identifier: Apache-2.0
"""The room's rig in a process of its own, which goes before all others where that right is there.

Real time bears no other thread that holds Python's lock while it waits for a processor itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from test_stand.room_rig import RigError, RoomRig, Visit
from test_stand.rooms import Room, Signal

_PRIORITY: Final = 10
_ANSWER_S: Final = 90.0


class RoomProcess:
    """A RoomRig that runs; the methods are its own. The environment leads ALSA to the daemon."""

    def __init__(self, room: Room, delay_s: float | None = None) -> None:
        """Raises RigError."""
        self.room = room
        context = multiprocessing.get_context("spawn")
        self._link, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, room, delay_s), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._answer()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._link.send(("stop", ()))
        self._process.join(10)
        self._process.kill()

    def add(self, sound: Signal) -> Visit:
        """See RoomRig."""
        found: Visit = self._ask("add", sound)
        return found

    def loop_delay_s(self) -> float:
        """See RoomRig."""
        return float(self._ask("loop_delay_s"))

    def breaks_since(self, at: float) -> int:
        """See RoomRig."""
        return int(self._ask("breaks_since", at))

    def loudspeaker(self, begin_at: float, end_at: float) -> NDArray[np.float32]:
        """See RoomRig."""
        return self._sound("loudspeaker", begin_at, end_at)

    def microphone(self, begin_at: float, end_at: float) -> NDArray[np.float32]:
        """See RoomRig."""
        return self._sound("microphone", begin_at, end_at)

    def echo(self, begin_at: float, end_at: float) -> NDArray[np.float32]:
        """See RoomRig."""
        return self._sound("echo", begin_at, end_at)

    def forget(self) -> None:
        """See RoomRig."""
        self._ask("forget")

    def _sound(self, name: str, begin_at: float, end_at: float) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._ask(name, begin_at, end_at)
        return found

    def _ask(self, name: str, *arguments: object) -> Any:
        try:
            self._link.send((name, arguments))
        except OSError as error:
            raise RigError(f"the room's process has ended ({error})") from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            if not self._link.poll(_ANSWER_S):
                raise RigError(f"the room's process has not answered for {_ANSWER_S:g} s")
            answer = self._link.recv()
        except (EOFError, OSError) as error:
            raise RigError("the room's process has ended") from error
        if isinstance(answer, RigError):
            raise answer
        return answer


def _serve(link: Connection, room: Room, delay_s: float | None) -> None:
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    try:
        rig = RoomRig(room, delay_s)
        rig.start()
    except RigError as error:
        link.send(error)
        return
    link.send(None)
    with contextlib.suppress(EOFError, OSError):
        while True:
            name, arguments = link.recv()
            if name == "stop":
                break
            link.send(getattr(rig, name)(*arguments))
    rig.stop()
