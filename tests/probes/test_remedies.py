"""One cause has one remedy, whichever check meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.checks import registry
from pytest_usersync.postgres import Server
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.runner.verdict import judge

NOTHING_FOLLOWS = """
drop trigger on_auth_user_updated on auth.users;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, email_verified)
    values (new.id, new.email, new.phone, new.email_confirmed_at is not null);

    return new;
end;
$$;
"""
FOLLOWING = {
    "US113": "google",
    "US201": "email-change",
    "US202": "confirm-email",
    "US204": "upgrade-by-phone",
    "US212": "phone-added",
}


def remedies(server: Server, folder: Path, act: Act, *codes: str) -> list[str]:
    """Return what one case of each check tells to do."""
    with staged(server, act, folder) as subject:
        told = []
        for code in codes:
            with Sandbox(subject) as sandbox:
                verdict = judge(registry.find(code), FOLLOWING[code], sandbox)
            told += [finding.remedy for finding in verdict.findings]
        return told


def test_whoever_finds_that_nothing_follows_tells_the_same_trigger(
    server: Server, tmp_path: Path
) -> None:
    act = Act("nothing follows", "plain", {"20260102000000_broken.sql": NOTHING_FOLLOWS})
    told = remedies(server, tmp_path, act, *FOLLOWING)
    assert len(told) == len(FOLLOWING)
    (text,) = {*told}
    for column in ("email", "phone", "email_verified"):
        assert f"        {column} = " in text


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ({"soft_delete": "keep"}, "case when new.deleted_at is null then new.email else email end"),
        ({"email_change": "snapshot"}, "set email_verified = new.email_confirmed_at is not null\n"),
    ],
)
def test_policies_choose_what_the_trigger_does(
    server: Server, tmp_path: Path, policies: dict[str, str], words: str
) -> None:
    files = {"20260102000000_broken.sql": NOTHING_FOLLOWS}
    act = Act("nothing follows", "plain", files, policies=policies)
    (text,) = remedies(server, tmp_path, act, "US202")
    assert words in text


def test_a_required_address_stays_where_nobody_without_one_may_sign_up(
    server: Server, tmp_path: Path
) -> None:
    files = {"20260102000000_broken.sql": "drop trigger amend_contract on auth.users;"}
    policies = {"null_email": "reject", "hard_delete": "refuse"}
    act = Act("nothing follows", "refuse", files, policies=policies)
    (text,) = remedies(server, tmp_path, act, "US201")
    assert "drop not null" not in text
    assert "new.email is not null then new.email else email end" in text


def test_what_is_unique_is_said_to_be_in_the_way(server: Server, tmp_path: Path) -> None:
    unique = "alter table public.profiles add unique (email);\n"
    files = {"20260102000000_broken.sql": NOTHING_FOLLOWS + unique}
    (text,) = remedies(server, tmp_path, Act("unique", "plain", files), "US201")
    assert text.startswith(
        "-- two users may have the same email: first drop what makes it unique in"
    )
