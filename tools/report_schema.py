"""Write the JSON Schema of the report from its types.

    python tools/report_schema.py

It writes ``pytest_usersync/reporting/report-v2.schema.json``; a test compares the two.
"""

from __future__ import annotations

import json
import types
from typing import Annotated, Literal, Union, cast, get_args, get_origin, get_type_hints

from pytest_usersync.reporting import json_report, json_types

_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def schema() -> dict[str, object]:
    """Return the schema of a report: strict, so that a field that is not described is an error."""
    known: dict[str, object] = {}
    top = _object(json_types.Report, known)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": json_report.SCHEMA_URI,
        "title": "The report of pytest --usersync",
        **top,
        "$defs": dict(sorted(known.items())),
    }


def _object(shape: type, known: dict[str, object]) -> dict[str, object]:
    hints = get_type_hints(shape, include_extras=True)
    return {
        "description": " ".join((shape.__doc__ or "").replace("``", "`").split()),
        "type": "object",
        "properties": {name: _of(hint, known) for name, hint in hints.items()},
        "required": list(hints),
        "additionalProperties": False,
    }


def _of(hint: object, known: dict[str, object]) -> dict[str, object]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**_of(args[0], known), **dict(args[1:])}
    if origin is Literal:
        return {"enum": list(args)} if len(args) > 1 else {"const": args[0]}
    if origin in (types.UnionType, Union):
        return {"anyOf": [_of(one, known) for one in args]}
    if origin is list:
        return {"type": "array", "items": _of(args[0], known)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(args[1], known)}
    return {"type": _SIMPLE[hint]} if hint in _SIMPLE else _reference(cast("type", hint), known)


def _reference(shape: type, known: dict[str, object]) -> dict[str, object]:
    known[shape.__name__] = known.get(shape.__name__) or _object(shape, known)
    return {"$ref": f"#/$defs/{shape.__name__}"}


def text() -> str:
    """Return the file."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    json_report.SCHEMA.write_text(text(), encoding="utf-8")
