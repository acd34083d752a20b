-- alone:
-- base: plain
-- broken: two branches, one day
-- says: 20260102000000_b.sql share the version 20260102000000.*20260102000001_b.sql
-- file: 20260102000000_a.sql
create table public.a (id int primary key);
-- file: 20260102000000_b.sql
create table public.b (id int primary key);
-- mended:
-- file: 20260102000000_a.sql
create table public.a (id int primary key);
-- file: 20260102000001_b.sql
create table public.b (id int primary key);

-- broken: a hyphen in place of the underscore
-- says: 20260102000000-a.sql is skipped
-- file: 20260102000000-a.sql
create table public.a (id int primary key);
-- mended:
-- file: 20260102000000_a.sql
create table public.a (id int primary key);
