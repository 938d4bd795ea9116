# SPDX-License-Identifier: Apache-2.0
"""`python -m kioskd`. Only the start: from here on one thread takes the signals.

Half a second of imports follows, on a busy board more, in which SIGTERM would kill and Ctrl-C
would print a traceback; now the daemon ends at once with status 0. What cannot be helped is a
signal before main() runs, while the interpreter itself starts.
"""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Wait for signals, then load the rest and run it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    from kioskd.service.signals import (  # not at the top: not before signals wait
        SignalThread,
        exit_now,
    )

    # A check that was cut off has found nothing out
    watch = SignalThread(status_before=143 if "--check" in sys.argv else 0)
    watch.start()
    from kioskd import cli  # neither: half a second on a fast machine

    status = cli.main(watch)
    if watch.stop.is_set():
        # All is closed; what libraries do at exit took most of a second on a busy machine
        exit_now(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
