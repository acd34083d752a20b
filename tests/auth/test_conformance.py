"""No recorded flow goes without its test."""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
FACTS = HERE.parent / "facts" / "auth_flows.json"


def test_each_of_the_seventy_recorded_flows_has_a_test_of_its_name() -> None:
    recorded = [flow["flow"] for flow in json.loads(FACTS.read_text())["flows"]]
    conforming = re.compile(r"^def test_(\w+)\([^)]*\bconforms\b", re.MULTILINE)
    tests = [
        name
        for path in HERE.glob("test_flows_*.py")
        for name in conforming.findall(path.read_text())
    ]
    assert sorted(tests) == sorted(recorded)
    assert len(recorded) == 70
