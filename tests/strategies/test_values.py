"""The values: all accepted, and from all corners of what is accepted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from matrix import few

from pytest_usersync.auth import Json
from pytest_usersync.auth.request_values import decoded, email_address, phone_number
from pytest_usersync.strategies import emails, metadata, phones, providers


def drawn(strategy: SearchStrategy[Any], wanted: Callable[[Any], bool]) -> bool:
    """Tell whether the strategy comes to what is wanted in a reasonable time."""
    quick = settings(phases=[Phase.generate], max_examples=3000, database=None)
    return find(strategy, wanted, settings=quick) is not None


@pytest.mark.parametrize(
    "make", few(["emails", "metadata", "signups", "histories"], ["metadata", "histories"])
)
def test_what_is_computed_once_is_computed_before_the_first_example(
    tmp_path: Path, make: str
) -> None:
    text = f"from pytest_usersync import strategies; strategies.{make}()"
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)}
    subprocess.run([sys.executable, "-c", text], env=environment, check=True)
    assert [*tmp_path.rglob("charmap*")]


@given(email=emails())
def test_the_server_accepts_every_address(email: str) -> None:
    assert email_address(email) == email.lower()


@given(phone=phones())
def test_the_server_accepts_every_number(phone: str) -> None:
    assert phone_number(phone) == phone.removeprefix("+").replace(" ", "")


@given(data=metadata(keys=("full_name",)))
def test_metadata_is_the_same_after_a_trip_through_the_server(data: dict[str, Json]) -> None:
    assert decoded(data) == data
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert "\\u0000" not in json.dumps(data).replace("\\\\", "")


@pytest.mark.parametrize(
    "corner",
    [
        pytest.param(lambda email: len(email) == 255, id="the longest there is"),
        pytest.param(lambda email: email != email.lower(), id="mixed case"),
        pytest.param(lambda email: "+" in email, id="a tag"),
        pytest.param(lambda email: "'" in email, id="a quote"),
        pytest.param(lambda email: "." not in email.partition("@")[2], id="a bare host"),
        pytest.param(lambda email: email.count(".") > 3, id="many dots"),
        pytest.param(lambda email: email.endswith("@example.com"), id="plain"),
    ],
)
def test_addresses_come_from_every_corner(corner: Callable[[Any], bool]) -> None:
    assert drawn(emails(), corner)


@pytest.mark.parametrize(
    "corner",
    [
        pytest.param(lambda phone: phone.startswith("+") and " " in phone, id="as people write it"),
        pytest.param(lambda phone: len(phone) == 15 and phone.isdigit(), id="the longest there is"),
        pytest.param(lambda phone: len(phone) == 2, id="the shortest there is"),
    ],
)
def test_numbers_come_from_every_corner(corner: Callable[[Any], bool]) -> None:
    assert drawn(phones(), corner)


@pytest.mark.parametrize(
    "corner",
    [
        pytest.param(lambda value: value is None, id="null"),
        pytest.param(lambda value: value is True, id="a boolean"),
        pytest.param(lambda value: isinstance(value, float), id="a fraction"),
        pytest.param(lambda value: isinstance(value, int) and value > 2**53, id="a big number"),
        pytest.param(lambda value: value == [], id="an array"),
        pytest.param(lambda value: isinstance(value, dict) and value != {}, id="an object"),
        pytest.param(lambda value: value == "", id="no text"),
        pytest.param(lambda value: isinstance(value, str) and len(value) > 255, id="a long text"),
        pytest.param(
            lambda value: isinstance(value, str) and any(ord(c) > 0xFFFF for c in value),
            id="an astral character",
        ),
    ],
)
def test_a_key_of_the_trigger_takes_every_kind_of_value(corner: Callable[[Any], bool]) -> None:
    drawn_ones = metadata(keys=("full_name",))
    assert drawn(drawn_ones, lambda data: "full_name" in data and corner(data["full_name"]))


def test_free_keys_come_beside_those_of_the_trigger_and_without_them() -> None:
    assert drawn(metadata(keys=("plan",)), lambda data: {*data} > {"plan"})
    assert drawn(metadata(keys=("plan",)), lambda data: bool(data) and "plan" not in data)
    assert drawn(metadata(), lambda data: len(data) > 1)


@given(names=st.sets(providers()))
def test_providers_are_those_of_supabase_auth_that_are_simulated(names: set[str]) -> None:
    assert names <= {"email", "phone", "anonymous", "web3", "github", "google", "apple", "sso"}
