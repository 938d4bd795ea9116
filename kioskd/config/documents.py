# SPDX-License-Identifier: Apache-2.0
"""The JSON schema for editors and the reference page, both made from the table of options."""

from __future__ import annotations

from typing import Any, Final

from kioskd.config.options import AUTO, Kind, Option, allowed
from kioskd.config.table import OPTIONS, SECTIONS
from kioskd.config.versions import READ_FOR, VERSION

_TYPES: Final[dict[Kind, str | list[str]]] = {
    Kind.SWITCH: "boolean",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.MEASURED: ["number", "string"],
}
_PATTERNS = {
    Kind.MEASURED: f"^{AUTO}$",
    Kind.COLOUR: "^#[0-9a-fA-F]{6}$",
    Kind.HTTP_URL: "^(https?://.+)?$",
    Kind.PROXY: "^(http://.+)?$",
    Kind.WEBSOCKET_URL: "^(wss?://.+)?$",
}


def schema() -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of kiosk.yaml."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"kiosk.yaml, configuration version {VERSION}",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {name: _section_schema(name) for name in SECTIONS},
    }


def reference() -> str:
    """The reference page, Markdown."""
    lines = [
        "# Options of kiosk.yaml",
        "",
        "<!-- Made by `python -m kioskd.config reference`; edit kioskd/config/sections.py. -->",
        "",
        "kioskd reads `/etc/kiosk/kiosk.yaml` (or the file named by `--config`), then the "
        "files of `kiosk.d` beside it in order of name, then `--set section.key=value` from the "
        "command line; later values win. Everything has a default. File names are relative to "
        "the file that names them. Secrets come only from files.",
        "",
        "Of `kiosk.d` it reads what ends with `.yaml` or `.yml`, in either case, and is not hidden "
        "(`._a.yaml`, `.#a.yaml`); a folder or a dangling link of such a name is an error. A "
        "`kiosk.yml` or `kiosk.yaml.txt` beside `kiosk.yaml`, or an `a.yaml.txt` in `kiosk.d`, is "
        "not read, and a warning says so; other names (`a.yaml~`, `a.yaml.dpkg-old`, `a.txt`) are "
        "passed over.",
        "",
        "An unknown key, a value out of its bounds, a key given twice or a damaged file stops "
        "the start with exit status 78 and one line per problem: "
        "`file:line: key: what is wrong, what is allowed`. "
        "`python -m kioskd --config FILE --check` checks without starting.",
        "",
        "`systemctl reload kioskd` (SIGHUP) reads the files again. Options marked *live* apply "
        "at once, the others are named in the log as waiting for a restart; files with errors "
        "change nothing. `kiosk.schema.json` lets editors check and complete the file.",
        "",
        f"This image knows configuration version {VERSION}; the files say none. What an "
        "image of the same board has accepted stops no other: after a fallback an older image "
        "passes over keys that only the newer one knows, and after an update a value that the "
        "bounds no longer take becomes the nearest one, or else the default. Each is a warning of "
        "the check `config`. What no image has accepted is an error as ever. A renamed key is "
        f"read for {READ_FOR} versions, with a warning.",
        "",
        "A file that is named must be a regular one: a FIFO, a device, a socket or a folder is "
        "refused without waiting for it. Texts hold no control characters and no halves of "
        "surrogate pairs.",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"## {name}", "", (section.__doc__ or "").strip(), ""]
        lines += ["| key | default | allowed | what it does |", "|---|---|---|---|"]
        lines += [_reference_row(row) for row in OPTIONS.values() if row.section == name]
    return "\n".join(lines) + "\n"


def _section_schema(name: str) -> dict[str, Any]:
    rows = [row for row in OPTIONS.values() if row.section == name]
    return {
        "description": (SECTIONS[name].__doc__ or "").strip(),
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {row.name: _option_schema(row) for row in rows},
    }


def _option_schema(row: Option) -> dict[str, Any]:
    rule = row.rule
    result: dict[str, Any] = {
        "description": rule.text,
        "type": _TYPES.get(rule.kind, "string"),
        "default": row.default,
    }
    if rule.minimum is not None:
        result["minimum"] = rule.minimum
    if rule.maximum is not None:
        result["maximum"] = rule.maximum
    if rule.choices:
        result["enum"] = list(rule.choices)
    if rule.kind in _PATTERNS:
        result["pattern"] = _PATTERNS[rule.kind]
    return result


def _reference_row(row: Option) -> str:
    default = row.default
    if isinstance(default, bool):
        shown = f"`{str(default).lower()}`"
    elif isinstance(default, str):
        shown = f"`{default}`" if default else "empty"
    else:
        shown = f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
    live = " *Live.*" if row.rule.live else ""
    cells = (f"`{row.name}`", shown, allowed(row.rule), row.rule.text + live)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
