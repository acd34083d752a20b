"""As it was before: psycopg and the fixture ``postgresql``."""

from __future__ import annotations

from typing import Any

import club
import psycopg
import pytest


def test_an_invitation_is_used_once(postgresql: psycopg.Connection[Any]) -> None:
    club.invite(postgresql, "welcome")
    assert club.accept(postgresql, "welcome")
    assert not club.accept(postgresql, "welcome")


def test_an_invitation_must_exist(postgresql: psycopg.Connection[Any]) -> None:
    assert not club.accept(postgresql, "welcome")


def test_a_code_is_given_once(postgresql: psycopg.Connection[Any]) -> None:
    club.invite(postgresql, "welcome")
    with pytest.raises(psycopg.errors.UniqueViolation):
        club.invite(postgresql, "welcome")
