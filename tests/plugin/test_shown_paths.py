"""Paths in a run start where the user stands, wherever the project's root is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

BROKEN = """\
create table public.profiles (id uuid primary key, email text not null);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email)
    values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
    for each row execute function public.make_profile();
do $$
begin
    insert into public.profiles (id, email)
    select u.id, u.email from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id);
end $$;
"""
FILE = "supabase/migrations/1_profiles.sql"


@pytest.fixture
def run(
    pytester: pytest.Pytester, write_project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Return a function that runs checks on a project in ``app/`` from another folder."""
    write_project("select 1;")  # for the settings of a run
    app = pytester.mkdir("app")
    (app / "pytest.ini").write_text("[pytest]\n")
    (app / FILE).parent.mkdir(parents=True)
    (app / FILE).write_text(BROKEN)

    def run(stand: str, *arguments: str) -> str:
        monkeypatch.chdir(pytester.mkdir(stand) if stand else pytester.path)
        root = "../app" if stand else "app"
        done = pytester.runpytest_subprocess(
            *arguments, f"--rootdir={root}", "-c", f"{root}/pytest.ini", root
        )
        return done.stdout.str() + done.stderr.str()

    return run


@pytest.mark.parametrize(("stand", "near"), [("", f"app/{FILE}"), ("beside", f"../app/{FILE}")])
def test_every_path_of_a_run_starts_where_the_user_stands(
    run: Callable[..., str], stand: str, near: str
) -> None:
    printed = run(stand, "--usersync", "--usersync-select=US104,US401", "--tb=long")

    assert f"migration, {near.rpartition('/')[0]}" in printed
    named = re.findall(r"[\w./-]*1_profiles\.sql(?::\d+)?", printed)
    assert {one.partition(":")[0] for one in named} == {near}, printed
    assert f"{near}:5" in named
    assert f"{near}:14" in named


@pytest.mark.parametrize("option", ["--usersync-show", "--usersync-doctor"])
def test_other_answers_name_files_so_too(run: Callable[..., str], option: str) -> None:
    named = re.findall(r"[\w./-]*1_profiles\.sql(?::\d+)?", run("", option))

    assert f"app/{FILE}:10" in named
    assert {one.partition(":")[0] for one in named} == {f"app/{FILE}"}
