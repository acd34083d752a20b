-- alone:
-- base: none
-- broken: the table comes after the migration that uses it
-- says: 9_table.sql creates it, but is applied later
-- file: 10_policy.sql
create table public.other (id int primary key);
alter table public.notes enable row level security;
-- file: 9_table.sql
create table public.notes (id uuid primary key);
-- mended:
-- base: plain
-- file: 09_table.sql
create table public.notes (id uuid primary key);
-- file: 10_policy.sql
alter table public.notes enable row level security;

-- broken: a column for auth.users
-- says: own schema
-- file: 20260102000000_plan.sql
alter table auth.users add column plan text;
-- mended:
-- base: plain
-- file: 20260102000000_plan.sql
alter table public.profiles add column plan text;

-- broken: a command of psql
-- says: psql
-- file: 20260102000000_set.sql
\set role 'postgres'
select 1;
-- mended:
-- base: plain
-- file: 20260102000000_set.sql
select 1;
