"""The project that the faults strike: some of its promises are kept, some are broken."""

from __future__ import annotations

PROJECT = """
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text unique,
    full_name text,
    created_at timestamptz not null default now()
);
alter table public.profiles enable row level security;

create function public.create_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, email, full_name)
    values (new.id, new.email, new.raw_user_meta_data ->> 'full_name');
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.create_profile();

insert into public.profiles (id, email)
select users.id, users.email from auth.users as users on conflict do nothing;
"""

# An app has its own connections: in its process, and in another one that it starts.
TESTS = '''
import os
import subprocess
import sys

import psycopg

ASK = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    print(*connection.execute(
        "select count(*), current_setting('DateStyle'), current_setting('TimeZone'),"
        " current_setting('client_encoding'), min(full_name) from public.profiles"
    ).fetchone())
"""


def test_a_signup_leaves_a_profile(usersync, supabase_auth):
    user = supabase_auth.sign_up("ada@example.com", data={"full_name": "Ädá"})
    usersync.assert_synced(user)
    assert usersync.profile(user)["full_name"] == "Ädá"


def test_the_app_connects_by_itself(usersync_dsn, supabase_auth):
    supabase_auth.sign_up("bob@example.com", data={"full_name": "Ŵ"})
    with psycopg.connect(usersync_dsn) as connection:
        row = connection.execute(
            "select full_name, created_at > now() - interval '1 hour', created_at::text"
            " from public.profiles"
        ).fetchone()
        assert row[:2] == ("Ŵ", True)
        assert row[2][4] == "-", row


def test_a_process_of_the_app_connects_too(usersync_dsn, supabase_auth):
    supabase_auth.sign_up("eve@example.com", data={"full_name": "Eve"})
    done = subprocess.run(
        [sys.executable, "-c", ASK, usersync_dsn], capture_output=True, text=True
    )
    count, *style, zone, encoding, name = done.stdout.split()
    assert (count, style, encoding, name) == ("1", ["ISO,", "MDY"], "UTF8", "Eve")
    assert zone in ("UTC", "Etc/UTC", "GMT")


def test_somebody_who_signed_up_can_ask(usersync, supabase_auth, as_user):
    user = supabase_auth.sign_up("joe@example.com")
    with as_user(user) as connection:
        assert connection.execute("select auth.uid() as me").fetchone()["me"] == user.id
'''
