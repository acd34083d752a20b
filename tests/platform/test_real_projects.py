"""What real projects ask of their database, object by object: their migrations find it here.

``facts/field_environment.json`` counts the projects, of 69 public ones, whose migrations name an
object. What two or more name is used here as they use it, by the role that runs migrations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

NAMED = json.loads((Path(__file__).parents[1] / "facts" / "field_environment.json").read_text())

PROFILES = "create table public.profiles (id uuid primary key references auth.users, email text)"
HANDLER = """
    create function public.handle() returns trigger language plpgsql as $$
    begin insert into public.profiles values (new.id, new.email); return new; end $$
"""
TRIGGER = """
    create trigger on_signup after insert on auth.users
    for each row execute function public.handle()
"""
USER = """
    insert into auth.users (id, email) values ('6f1e4c80-0000-4000-8000-000000000001', 'a@b.c')
"""
CLAIMS = """
    select set_config('request.jwt.claims', '{"sub": "6f1e4c80-0000-4000-8000-000000000001",
        "role": "authenticated", "email": "a@b.c", "app_metadata": {"a": 1}}', true)
"""
HOOK = """
    create trigger tell after insert on public.profiles
    for each row execute function supabase_functions.http_request(
        'https://example.com/hook', 'POST', '{"Content-Type": "application/json"}', '{}', '1000'
    )
"""

# The last statement is a query, and every value of its row has to be true.
USES = {
    "fn auth.uid()": [
        PROFILES,
        "create policy own on public.profiles using (auth.uid() = id)",
        CLAIMS,
        "select auth.uid() = '6f1e4c80-0000-4000-8000-000000000001'",
    ],
    "fn gen_random_uuid()": [
        "create table public.t (id uuid primary key default gen_random_uuid())",
        "insert into public.t default values",
        "select id is not null from public.t",
    ],
    "role authenticated": [
        PROFILES,
        "create policy own on public.profiles for select to authenticated using (true)",
        "select has_table_privilege('authenticated', 'public.profiles', 'select, insert, delete')",
    ],
    "DROP TRIGGER .. ON auth.users (ownership or grant)": [
        PROFILES,
        HANDLER,
        "drop trigger if exists on_signup on auth.users",
        TRIGGER,
        "drop trigger on_signup on auth.users",
        TRIGGER,
        USER,
        "select count(*) = 1 from public.profiles",
    ],
    "role anon": [
        PROFILES,
        "revoke all on public.profiles from anon",
        "select not has_table_privilege('anon', 'public.profiles', 'select')",
    ],
    "role service_role": [
        PROFILES,
        "grant all on all tables in schema public to service_role",
        "select has_table_privilege('service_role', 'public.profiles', 'truncate')",
    ],
    "table storage.objects": [
        "insert into storage.buckets (id, name, public) values ('a', 'a', true)",
        """create policy "Users see their files" on storage.objects for select to authenticated
        using (bucket_id = 'a' and auth.uid()::text = (storage.foldername(name))[1])""",
        "insert into storage.objects (bucket_id, name) values ('a', 'x/1/me.png')",
        "select path_tokens = '{x,1,me.png}' from storage.objects",
    ],
    "table storage.buckets": [
        """insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
        values ('a', 'a', false, 5242880, array['image/png'])
        on conflict (id) do update set public = excluded.public""",
        "create policy own on storage.buckets for select using (public)",
        "select type = 'STANDARD' and not public from storage.buckets",
    ],
    "schema extensions": [
        "create schema if not exists extensions",
        "grant usage on schema extensions to anon, authenticated, service_role",
        "select extensions.uuid_generate_v4() is not null",
    ],
    "ext:uuid-ossp": [
        'create extension if not exists "uuid-ossp" with schema extensions',
        "select uuid_generate_v5(uuid_ns_dns(), 'x') is not null",
    ],
    "fn uuid_generate_v4()": [
        "create table public.t (id uuid default uuid_generate_v4(), other int)",
        "insert into public.t (other) values (1)",
        "select id is not null from public.t",
    ],
    "fn storage.foldername()": ["select storage.foldername('a/b/c.png') = '{a,b}'"],
    "role postgres (owner/grant)": [
        PROFILES,
        "alter table public.profiles owner to postgres",
        "grant all on public.profiles to postgres",
        "alter default privileges for role postgres in schema public grant all on tables to anon",
        "select true",
    ],
    "publication supabase_realtime": [
        PROFILES,
        "alter publication supabase_realtime add table public.profiles",
        "select tablename = 'profiles' from pg_publication_tables",
    ],
    "ext:pgcrypto": [
        "create extension if not exists pgcrypto",
        (
            "select encode(digest('x', 'sha256'), 'hex') like '2d71%', "
            "length(gen_random_bytes(16)) = 16, hmac('x', 'y', 'sha256') is not null"
        ),
    ],
    "fn auth.role()": [CLAIMS, "select auth.role() = 'authenticated'"],
    "ext:pg_stat_statements": [
        "create extension if not exists pg_stat_statements with schema extensions",
        "select count(*) = 1 from pg_extension where extname = 'pg_stat_statements'",
    ],
    "config current_setting(request.jwt/app.settings)": [
        CLAIMS,
        (
            "select current_setting('request.jwt.claims')::json ->> 'role' = 'authenticated', "
            "length(current_setting('app.settings.jwt_secret')) > 31, "
            "current_setting('app.settings.other', true) is null"
        ),
    ],
    "schema cron (cron.*)": [
        "create extension if not exists pg_cron",
        "grant usage on schema cron to postgres",
        "grant all privileges on all tables in schema cron to postgres",
        "select cron.schedule('nightly', '0 3 * * *', $$ delete from public.logs $$)",
        "select jobname = 'nightly', active, username = current_user from cron.job",
    ],
    "ext:pg_cron": [
        "create extension if not exists pg_cron with schema extensions",
        (
            "select extnamespace = 'pg_catalog'::regnamespace from pg_extension "
            "where extname = 'pg_cron'"
        ),
    ],
    "schema net (net.http_*)": [
        "create extension if not exists pg_net",
        """select net.http_post(
            url := 'https://example.com/f', body := '{"a": 1}'::jsonb,
            headers := jsonb_build_object('Authorization', 'Bearer x')
        )""",
        (
            "select url = 'https://example.com/f', convert_from(body, 'utf8') ~ 'a' "
            ", headers ->> 'Content-Type' = 'application/json' from net.http_request_queue"
        ),
    ],
    "fn auth.jwt()": [CLAIMS, "select (auth.jwt() -> 'app_metadata' ->> 'a')::int = 1"],
    "ext:vector": [
        "create extension if not exists vector with schema extensions",
        "create table public.docs (id int, embedding vector(3))",
        "insert into public.docs values (1, '[1,2,3]'), (2, '[3,2,1]')",
        "create index on public.docs using hnsw (embedding vector_cosine_ops)",
        "select (array_agg(id order by embedding <=> '[3,2,2]'))[1] = 2 from public.docs",
    ],
    "ext:pg_net": [
        'create extension if not exists "pg_net" schema extensions',
        "select to_regclass('net._http_response') is not null",
    ],
    "ext:pgjwt": [
        'create extension if not exists "pgjwt" with schema "extensions"',
        """select extensions.sign('{"sub": "1"}', 'secret') like 'eyJ%.%.%'""",
    ],
    "ext:unaccent": [
        "create extension if not exists unaccent",
        "select unaccent('Zoë') = 'Zoe'",
    ],
    "ext:pg_graphql": [
        'create extension if not exists "pg_graphql" with schema "graphql"',
        "comment on schema public is e'@graphql({\"inflect_names\": true})'",
        "select graphql_public.graphql(query := '{ a }') ? 'errors'",
    ],
    "ext:supabase_vault": [
        'create extension if not exists "supabase_vault" with schema "vault"',
        "select to_regclass('vault.secrets') is not null",
    ],
    "schema graphql/graphql_public": [
        "grant usage on schema graphql, graphql_public to anon, authenticated, service_role",
        "select graphql.resolve('{ a }') ? 'errors'",
    ],
    "ext:pg_trgm": [
        "create extension if not exists pg_trgm with schema extensions",
        "create table public.t (name text)",
        "create index on public.t using gin (name gin_trgm_ops)",
        "select similarity('word', 'words') > 0.5",
    ],
    "table auth.sessions/refresh_tokens/mfa_factors": [
        (
            "select count(*) = 0, (select count(*) = 0 from auth.refresh_tokens), "
            "(select count(*) = 0 from auth.mfa_factors) from auth.sessions"
        ),
    ],
    "ext:citext": [
        "create extension if not exists citext with schema public",
        "create table public.t (name citext unique)",
        "select 'A'::citext = 'a'",
    ],
    "table auth.identities": [
        USER,
        """insert into auth.identities (user_id, provider_id, provider, identity_data)
        select id, id::text, 'email', jsonb_build_object('email', 'A@b.c') from auth.users""",
        "select email = 'a@b.c' from auth.identities",
    ],
    "writes rows into auth.users (seed)": [
        """insert into auth.users (
            instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
            raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token
        )
        values (
            '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated',
            'authenticated', 'a@b.c', crypt('password', gen_salt('bf')), now(),
            '{"provider": "email"}', '{}', now(), now(), ''
        )""",
        (
            "select crypt('password', encrypted_password) = encrypted_password, "
            "confirmed_at is not null from auth.users"
        ),
    ],
    "ext:pgsodium": [
        'create extension if not exists "pgsodium"',
        "select pgsodium.create_key(name := 'k')",
        """select pgsodium.crypto_aead_det_decrypt(
            pgsodium.crypto_aead_det_encrypt('text', 'more', id), 'more', id
        ) = 'text' from pgsodium.valid_key""",
    ],
    "supabase_functions.http_request/hooks": [
        "create extension if not exists pg_net",
        PROFILES,
        HOOK,
        USER,
        "insert into public.profiles select id from auth.users",
        (
            "select hook_name = 'tell', request_id = q.id, url = 'https://example.com/hook' "
            "from supabase_functions.hooks, net.http_request_queue as q"
        ),
    ],
    "role supabase_auth_admin": [
        PROFILES,
        HANDLER,
        "grant usage on schema public to supabase_auth_admin",
        "grant execute on function public.handle to supabase_auth_admin",
        "create policy p on public.profiles to supabase_auth_admin using (true)",
        "select has_function_privilege('supabase_auth_admin', 'public.handle()', 'execute')",
    ],
    "role supabase_admin": [
        PROFILES,
        "grant all on public.profiles to supabase_admin",
        "select true",
    ],
    "fn storage.filename()/extension()": [
        (
            "select storage.filename('a/b.c/d.tar.gz') = 'd.tar.gz', "
            "storage.extension('a/d.tar.gz') = 'gz'"
        ),
    ],
    "schema vault (vault.*)": [
        "select vault.create_secret('s3cret', 'key', 'why')",
        "select vault.update_secret((select id from vault.secrets), 'n3w')",
        (
            "select decrypted_secret = 'n3w', name = 'key', secret <> 'n3w' "
            "from vault.decrypted_secrets"
        ),
    ],
    "role authenticator": [
        "grant anon to authenticator",
        "notify pgrst, 'reload schema'",
        "select pg_has_role('authenticator', 'service_role', 'member')",
    ],
    "role dashboard_user/supabase_storage_admin/other": [
        PROFILES,
        "grant all on public.profiles to dashboard_user, supabase_storage_admin, pgbouncer",
        "grant usage on schema public to supabase_realtime_admin, supabase_functions_admin",
        "select true",
    ],
    "ext:http": [
        "create extension if not exists http with schema extensions",
        (
            "select status = 200, content::json is not null "
            """from extensions.http_post('https://example.com', '{"a": 1}', 'application/json')"""
        ),
    ],
    "fn auth.email()": [CLAIMS, "select auth.email() = 'a@b.c'"],
    "ext:moddatetime": [
        "create extension if not exists moddatetime schema extensions",
        "create table public.t (a int, updated_at timestamptz default '2000-01-01')",
        """create trigger touched before update on public.t
        for each row execute procedure extensions.moddatetime(updated_at)""",
        "insert into public.t values (1)",
        "update public.t set a = 2",
        "select updated_at = now() from public.t",
    ],
    "ext:postgis": [
        "create extension if not exists postgis with schema extensions",
        "create table public.places (id int, location geography(Point, 4326))",
        "create index on public.places using gist (location)",
        (
            "insert into public.places values (1, st_point(13.4, 52.5)), "
            "(2, 'SRID=4326;POINT(2.35 48.85)')"
        ),
        (
            "select array_agg(id) = '{1}', bool_and(st_y(location::geometry) = 52.5) "
            "from public.places where st_dwithin(location, "
            "st_setsrid(st_makepoint(13.5, 52.5), 4326)::geography, 10000)"
        ),
    ],
    "fn gen_salt/crypt": ["select crypt('pw', crypt('pw', gen_salt('bf'))) is not null"],
}


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    with Clones(server) as clones:
        yield clones.take(platform.template(server))


@pytest.mark.parametrize("asked", USES)
def test_what_projects_ask_for_is_there(server: Server, name: str, asked: str) -> None:
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as connection:
        for statement in USES[asked]:
            found = connection.execute(statement.encode())
        row = found.fetchone()
        connection.rollback()
    assert row
    assert all(value is True for value in row.values()), row


def test_everything_that_two_projects_ask_for_is_tried() -> None:
    assert [asked for asked, projects in NAMED.items() if projects >= 2 and asked not in USES] == []
    assert [asked for asked in USES if asked not in NAMED] == []
