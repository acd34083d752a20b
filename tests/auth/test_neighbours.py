"""What a flow writes beside the user; the recordings tell which rows, the server's source what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_usersync.auth import AuthError, AuthSettings, Source, SupabaseAuth, User
from pytest_usersync.postgres.database import Connection

Auth = Callable[..., SupabaseAuth]


def one(connection: Connection, query: str) -> dict[str, Any]:
    (row,) = connection.execute(query).fetchall()
    return dict(row)


def actions(connection: Connection) -> list[str]:
    found = connection.execute(
        "select payload ->> 'action' as action from auth.audit_log_entries order by created_at"
    )
    return [row["action"] for row in found.fetchall()]


def test_a_user_is_created_at_the_clients_time_not_the_transactions(
    connection: Connection, superuser: Connection
) -> None:
    moment = datetime(2020, 2, 29, 12, tzinfo=UTC)
    SupabaseAuth(connection, AuthSettings(), Source(clock=lambda: moment)).sign_up(
        "ada@example.com"
    )
    user = one(superuser, "select created_at, updated_at, confirmation_sent_at from auth.users")
    assert set(user.values()) == {moment}


def test_created_and_updated_are_one_time_at_the_insert(auth: Auth, superuser: Connection) -> None:
    superuser.execute(
        "create table public.seen (same boolean);"
        "grant insert on public.seen to supabase_auth_admin;"
        "create function public.look() returns trigger language plpgsql as $$ begin"
        " insert into public.seen values (new.created_at = new.updated_at); return null; end $$;"
        "grant execute on function public.look() to supabase_auth_admin;"
        "create trigger look after insert on auth.users"
        " for each row execute function public.look()"
    )
    auth().sign_up("ada@example.com")
    assert one(superuser, "select * from public.seen") == {"same": True}


def test_an_email_identity_is_named_after_its_user(alice: User, superuser: Connection) -> None:
    identity = one(superuser, "select provider, provider_id, user_id, email from auth.identities")
    assert identity == {
        "provider": "email",
        "provider_id": str(alice.id),
        "user_id": alice.id,
        "email": "alice@example.com",
    }


@pytest.mark.parametrize(
    ("act", "method"),
    [
        (lambda auth: auth.sign_up("ada@example.com"), "password"),
        (lambda auth: auth.sign_in_anonymously(), "anonymous"),
        (lambda auth: auth.sign_in_with_oauth("google", email="ada@example.com"), "oauth"),
        (lambda auth: auth.sign_in_with_sso("ada@example.com"), "sso/saml"),
        (lambda auth: auth.sign_in_with_web3("ethereum"), "web3"),
    ],
    ids=["password", "anonymous", "oauth", "sso", "web3"],
)
def test_a_session_says_how_it_was_proved(
    auth: Auth, superuser: Connection, act: Callable[[SupabaseAuth], User], method: str
) -> None:
    user = act(auth(mailer_autoconfirm=True))
    assert user.session
    session = one(
        superuser,
        "select s.id, s.aal::text, c.authentication_method as method, t.token, t.user_id"
        " from auth.sessions as s"
        " join auth.mfa_amr_claims as c on c.session_id = s.id"
        " join auth.refresh_tokens as t on t.session_id = s.id",
    )
    assert session == {
        "id": user.session.id,
        "aal": "aal1",
        "method": method,
        "token": user.session.refresh_token,
        "user_id": str(user.id),
    }


def test_the_audit_tells_who_did_what(auth: Auth, superuser: Connection) -> None:
    user = auth().sign_up("ada@example.com", data={"full_name": "Ada"})
    entry = one(superuser, "select payload from auth.audit_log_entries")["payload"]
    assert entry == {
        "action": "user_confirmation_requested",
        "actor_id": str(user.id),
        "actor_name": "Ada",
        "actor_username": "ada@example.com",
        "actor_via_sso": False,
        "log_type": "user",
        "traits": {"provider": "email"},
    }


def test_the_audit_of_an_admin_names_the_service_role(auth: Auth, superuser: Connection) -> None:
    user = auth().admin.create_user(email="ada@example.com")
    entry = one(superuser, "select payload from auth.audit_log_entries")["payload"]
    assert entry["actor_username"] == "service_role"
    assert entry["traits"]["user_id"] == str(user.id)


def test_a_one_time_token_mirrors_the_column(auth: Auth, superuser: Connection) -> None:
    user = auth().sign_up("ada@example.com")
    token = one(
        superuser, "select token_type::text, token_hash, relates_to from auth.one_time_tokens"
    )
    assert user.confirmation
    assert token == {
        "token_type": "confirmation_token",
        "token_hash": user.confirmation.hash,
        "relates_to": "ada@example.com",
    }
    column = one(superuser, "select confirmation_token as token_hash from auth.users")
    assert column == {"token_hash": user.confirmation.hash}


def test_a_used_refresh_token_gives_its_successor_until_that_is_used(
    auth: Auth, alice: User, superuser: Connection
) -> None:
    assert alice.session
    first = alice.session.refresh_token
    second = auth().refresh_session(first).session
    again = auth().refresh_session(first).session
    assert second
    assert second == again
    auth().refresh_session(second.refresh_token)
    late = auth(refresh_token_reuse_interval=timedelta(0))
    with pytest.raises(AuthError, match="Already Used"):
        late.refresh_session(first)
    assert one(superuser, "select bool_and(revoked) as gone from auth.refresh_tokens") == {
        "gone": True
    }


def test_a_new_password_ends_the_other_sessions(
    auth: Auth, alice: User, superuser: Connection
) -> None:
    auth().sign_in_with_password("alice@example.com")
    auth().update_user(alice, password="another horse battery")
    assert alice.session
    assert one(superuser, "select id from auth.sessions") == {"id": alice.session.id}


def test_a_hard_delete_takes_everything_but_the_audit(
    auth: Auth, alice: User, superuser: Connection
) -> None:
    auth().admin.delete_user(alice)
    for table in ("users", "identities", "sessions", "refresh_tokens", "one_time_tokens"):
        assert one(superuser, f"select count(*) as n from auth.{table}") == {"n": 0}
    assert actions(superuser)[-1] == "user_deleted"
