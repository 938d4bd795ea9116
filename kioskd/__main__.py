# SPDX-License-Identifier: Apache-2.0
"""`python -m kioskd`. Only the start: from here on signals wait for the thread that takes them.

Half a second of imports follows, in which SIGTERM would kill and Ctrl-C would print a
traceback; now the daemon ends at once with status 0 when it gets there.
"""

from __future__ import annotations

import sys

from kioskd.service.signals import block_signals


def main() -> int:
    """Block signals, then load the rest and run it."""
    block_signals()
    from kioskd import cli  # not at the top: not before signals are blocked

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
