"""A signup that lacks a row which a seed may bring is not judged, and told which row."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]

BEGIN = """
create table public.plans (name text primary key, id int unique);
create table public.profiles (
    id uuid primary key,
    plan text not null default 'free' references public.plans (name),
    plan_id int references public.plans (id)
);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
"""
END = """
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""

BY_DEFAULT = "insert into public.profiles (id) values (new.id);"
BY_NUMBER = "insert into public.profiles (id, plan_id) values (new.id, 7);"
BY_LOOKUP = """insert into public.profiles (id, plan)
    values (new.id, (select name from public.plans where name = 'free'));"""
BY_USER = "insert into public.profiles (id, plan) values (new.id, new.email);"


@pytest.fixture
def judged(pytester: pytest.Pytester, write_project: Write) -> Callable[..., str]:
    """Return a function that judges US102 of a project and returns what is said, on one line."""

    def judged(body: str, *args: str, before: str = "") -> str:
        write_project(f"{BEGIN}{body}{END}{before}")
        result = pytester.runpytest_inprocess("--usersync", "--usersync-select=US102", *args)
        return " ".join(" ".join(result.outlines).split())

    return judged


@pytest.mark.parametrize(
    ("body", "before", "needs"),
    [
        (
            BY_DEFAULT,
            "",
            "public.profiles.plan and needs the row name = 'free' of public.plans, but the",
        ),
        (
            BY_NUMBER,
            "insert into public.plans values ('free');",
            "the row id = '7' of public.plans",
        ),
        (BY_LOOKUP, "", "finds no value for public.profiles.plan, which refers to public.plans"),
    ],
    ids=["default", "number", "lookup"],
)
def test_the_missing_row_and_where_to_put_it_are_named(
    judged: Callable[..., str], body: str, before: str, needs: str
) -> None:
    said = judged(body, before=before)
    assert needs in said
    assert "usersync_setup" in said
    assert re.search(r"= 3 not judged in [\d.]+s =", said)


def test_with_the_row_it_is_judged(judged: Callable[..., str], pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("plans.sql").write_text("insert into public.plans values ('free', 7);")
    assert "3 passed" in judged(BY_DEFAULT, "--usersync-setup=plans.sql")


def test_a_row_that_the_user_decides_about_is_no_seed(judged: Callable[..., str]) -> None:
    said = judged(BY_USER)
    assert "usersync_setup" not in said
    assert "2 failed" in said
