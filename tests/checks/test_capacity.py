"""A sync that lets a few people in and no more: it is not what they bring that is refused."""

from __future__ import annotations

from pathlib import Path

from acts import Act, broken_by, judged, staged

from pytest_usersync.postgres import Server

FULL = """
create or replace function public.let_in()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if (select count(*) from public.profiles) > 3 then
        raise exception 'the house is full';
    end if;
    return null;
end;
$$;

create trigger let_in
    after insert on public.profiles
    for each row
    execute function public.let_in();
"""


def test_nobody_s_metadata_is_blamed_for_those_before(server: Server, tmp_path: Path) -> None:
    act = Act("few are let in", "plain", {"20260102000000_full.sql": FULL})
    with staged(server, act, tmp_path) as subject:
        assert broken_by(judged(subject, "US107")) == {}
