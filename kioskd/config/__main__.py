# SPDX-License-Identifier: Apache-2.0
"""`python -m kioskd.config schema|reference`: prints what is made from the table of options."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from kioskd.config.documents import reference, schema


def main() -> int:
    """Print one of the two documents, or write it to a file."""
    parser = argparse.ArgumentParser(prog="python -m kioskd.config", description=__doc__)
    parser.add_argument("document", choices=("schema", "reference"))
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there")
    options = parser.parse_args()
    if options.document == "schema":
        text = json.dumps(schema(), indent=2) + "\n"
    else:
        text = reference()
    if options.output is None:
        sys.stdout.write(text)
        return 0
    try:
        options.output.write_text(text, "utf-8")
    except OSError as error:
        print(f"error: {options.output} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
