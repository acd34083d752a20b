create table public.accounts (id integer primary key, amount integer);
insert into public.accounts values (1, 10), (2, 20);

create table public.others (id integer primary key, amount integer);
insert into public.others values (1, 10), (2, 20);

create table public.notes (note text);
create table public.counters (id integer generated always as identity primary key, name text);

-- A dot in a name is no separator.
create schema "a.b";

create table "a.b"."c.d" (id integer);
