"""The methods of SupabaseAuth and of its admin API, each bound to the flow of its name."""

from __future__ import annotations

import inspect

import pytest

from pytest_usersync.auth import Admin, SupabaseAuth

ENDPOINTS = {
    f"{owner.__name__}.{name}": value
    for owner in (SupabaseAuth, Admin)
    for name, value in vars(owner).items()
    if hasattr(value, "__wrapped__")
}


def test_all_endpoints_are_found() -> None:
    assert {"SupabaseAuth.sign_up", "SupabaseAuth.verify", "Admin.invite"} < ENDPOINTS.keys()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_has_the_name_the_parameters_and_the_docstring_of_its_flow(name: str) -> None:
    method = ENDPOINTS[name]
    assert method.__name__ == name.partition(".")[2]
    assert method.__doc__
    assert next(iter(inspect.signature(method).parameters)) == "context"
