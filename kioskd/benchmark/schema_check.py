# SPDX-License-Identifier: Apache-2.0
"""Whether a document of JSON is as a schema has it; for the few words that our own schema uses.

A library would know all of JSON Schema, and be one more package on every board. Keys that the
schema does not name are allowed: a later version may have more.
"""

from __future__ import annotations

import math
from typing import Any, Final

_WORDS: Final = {
    "$schema", "anyOf", "description", "enum", "items", "maxItems", "maxProperties", "minItems",
    "minimum", "properties", "required", "title", "type",
}  # fmt: skip
_KINDS: Final[dict[str, type]] = {
    "string": str, "array": list, "object": dict, "null": type(None), "boolean": bool
}  # fmt: skip


def check(value: Any, schema: dict[str, Any], where: str = "it") -> None:
    """Raises ValueError with the place and what is wrong there."""
    unknown = schema.keys() - _WORDS
    if unknown:
        raise NotImplementedError(f"the schema's {sorted(unknown)} at {where}")
    if "anyOf" in schema:
        problems = [_problem(value, each, where) for each in schema["anyOf"]]
        if all(problems):
            raise ValueError(problems[-1])
    if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
        raise ValueError(f"{where} is {value!r:.40}, not one of {schema['enum']}")
    if "type" in schema and not _is(value, schema["type"]):
        raise ValueError(f"{where} is {value!r:.40}, not of type {schema['type']}")
    if "minimum" in schema and value < schema["minimum"]:
        raise ValueError(f"{where} is {value!r:.40}, less than {schema['minimum']}")
    if isinstance(value, list):
        _check_list(value, schema, where)
    if isinstance(value, dict):
        _check_object(value, schema, where)


def _check_list(value: list[Any], schema: dict[str, Any], where: str) -> None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
        raise ValueError(f"{where} has {len(value)} items")
    for number, each in enumerate(value):
        check(each, schema.get("items", {}), f"{where}[{number}]")


def _check_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> None:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    if len(value) > schema.get("maxProperties", math.inf):
        raise ValueError(f"{where} is not empty")
    for name, each in schema.get("properties", {}).items():
        if name in value:
            check(value[name], each, f"{where}.{name}")


def _problem(value: Any, schema: dict[str, Any], where: str) -> str:
    try:
        check(value, schema, where)
    except ValueError as error:
        return str(error)
    return ""


def _same(value: Any, wanted: Any) -> bool:
    return type(value) is type(wanted) and bool(value == wanted)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) and _fits(value)
    if kind == "number":
        return isinstance(value, int | float) and _fits(value)
    return isinstance(value, _KINDS[kind])


def _fits(number: float) -> bool:
    """Compared before anything is made of it: JSON's numbers may be larger than any float."""
    return abs(number) < 1e18
