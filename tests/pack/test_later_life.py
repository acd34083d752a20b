"""What the head makes of a user who changes, leaves, and comes back."""

from __future__ import annotations

import pytest
from packs import Pack
from psycopg import Error

from pytest_usersync.auth import User

PERSONAL = ("email", "first_name", "last_name", "profile_photo_url")
NAMED = (
    "update public.users set first_name = 'Ada', last_name = 'Byron', profile_photo_url = 'a.png'"
)


@pytest.fixture
def ada(pack: Pack) -> User:
    """Return a user with an address and a name."""
    user = pack.auth.sign_up("ada@example.com", password="correct horse")
    pack.rows(NAMED)
    return user


def test_a_changed_address_is_followed_and_the_name_kept(pack: Pack, ada: User) -> None:
    pack.auth.admin.update_user(ada, email="ada@example.org")
    profile = pack.profile(ada)
    assert profile
    assert (profile["email"], profile["first_name"]) == ("ada@example.org", "Ada")


def test_a_later_confirmation_is_followed(pack: Pack) -> None:
    user = pack.new_auth(mailer_autoconfirm=False).sign_up("bea@example.com")
    assert pack.profile(user)["email_verified"] is False  # type: ignore[index]
    pack.auth.admin.update_user(user, email_confirm=True)
    assert pack.profile(user)["email_verified"] is True  # type: ignore[index]


def test_a_sign_in_does_not_touch_the_profile(pack: Pack, ada: User) -> None:
    version = "select xmin::text, ctid::text from public.users"
    before = pack.rows(version)
    pack.auth.sign_in_with_password("ada@example.com", password="correct horse")
    assert pack.rows(version) == before


def test_a_hard_delete_takes_the_profile_along(pack: Pack, ada: User) -> None:
    pack.auth.admin.delete_user(ada)
    assert pack.profile(ada) is None
    assert pack.profile(pack.auth.sign_up("ada@example.com"))


def test_a_soft_delete_leaves_nothing_personal(pack: Pack, ada: User) -> None:
    pack.auth.admin.delete_user(ada, soft=True)
    profile = pack.profile(ada)
    assert profile
    assert [profile[name] for name in PERSONAL] == [None] * 4
    assert profile["email_verified"] is False
    told = pack.superuser.execute("select deleted_at from auth.users").fetchone()
    assert told
    assert profile["deleted_at"] == told["deleted_at"]
    assert pack.profile(pack.auth.sign_up("ada@example.com"))


def test_a_profile_deleted_by_the_app_while_its_user_can_log_in_is_listed(
    pack: Pack, ada: User
) -> None:
    pack.rows("update public.users set deleted_at = now()")
    listed = pack.rows("select * from public.check_soft_deleted_profiles()")
    assert [row["user_id"] for row in listed] == [ada.id]
    pack.auth.admin.delete_user(ada, soft=True)
    assert pack.rows("select * from public.check_soft_deleted_profiles()") == []


def as_user(pack: Pack, user: User | None, statement: str) -> list[dict[str, object]]:
    """Send a statement as PostgREST does for a user, or for nobody."""
    role = "authenticated" if user else "anon"
    claims = f'{{"sub": "{user.id}", "role": "{role}"}}' if user else '{"role": "anon"}'
    session = pack.session("authenticator")
    with session.transaction():
        session.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        session.execute(f"set local role {role}".encode())
        cursor = session.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_user_sees_and_edits_the_own_profile_only(pack: Pack, ada: User) -> None:
    bea = pack.auth.sign_up("bea@example.com")
    assert [row["id"] for row in as_user(pack, ada, "select id from public.users")] == [ada.id]
    as_user(pack, ada, "update public.users set first_name = 'Augusta'")
    assert pack.profile(ada)["first_name"] == "Augusta"  # type: ignore[index]
    assert pack.profile(bea)["first_name"] is None  # type: ignore[index]


FORBIDDEN = [
    *(f"update public.users set {name} = default" for name in ("id", "email", "email_verified")),
    *(f"update public.users set {name}_at = default" for name in ("created", "updated", "deleted")),
    "insert into public.users default values",
    "delete from public.users",
]


def test_a_user_neither_edits_what_is_not_the_users_nor_makes_nor_removes_profiles(
    pack: Pack, ada: User
) -> None:
    for statement in FORBIDDEN:
        with pytest.raises(Error, match="permission denied for table users"):
            as_user(pack, ada, statement)


def test_who_is_not_signed_in_sees_nothing(pack: Pack, ada: User) -> None:
    assert pack.profile(ada)
    with pytest.raises(Error, match="permission denied for table users"):
        as_user(pack, None, "select id from public.users")
