"""What could not be tested before: users who sign up."""

from __future__ import annotations

from typing import Any

import club
import psycopg

from pytest_usersync import SupabaseAuth


def test_whoever_signs_up_is_a_member(
    postgresql: psycopg.Connection[Any], supabase_auth: SupabaseAuth
) -> None:
    ada = supabase_auth.sign_up("ada@example.com")
    bob = supabase_auth.sign_up_phone("15550001111")
    found = postgresql.execute("select id, email from public.members").fetchall()
    assert set(found) == {(ada.id, "ada@example.com"), (bob.id, None)}


def test_a_member_knows_who_invited_them(
    postgresql: psycopg.Connection[Any], supabase_auth: SupabaseAuth
) -> None:
    ada = supabase_auth.sign_up("ada@example.com")
    club.invite(postgresql, "from-ada", ada.id)
    bob = supabase_auth.sign_up("bob@example.com")
    assert club.accept(postgresql, "from-ada", bob.id)
    invited = "select id from public.members where invited_by = %s"
    assert postgresql.execute(invited, [ada.id]).fetchall() == [(bob.id,)]


def test_invitations_go_with_the_member(
    postgresql: psycopg.Connection[Any], supabase_auth: SupabaseAuth
) -> None:
    ada = supabase_auth.sign_up("ada@example.com")
    club.invite(postgresql, "from-ada", ada.id)
    supabase_auth.admin.delete_user(ada)
    assert not club.accept(postgresql, "from-ada")
