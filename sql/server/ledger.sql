-- What the roles of somebody else's server were like before our first run came, so that they can be
-- put back. It stands in a database of ours that nobody but a superuser can read. What is about
-- the roles that we mark as our own is left out: they are dropped as a whole.

create schema ledger;

-- The catalogs of a server that say what a role is, in the order in which one needs the other:
-- what names a row, which roles it is about, and which rows are meant.
create table ledger.catalog (
    place int primary key,
    name text not null,
    key text not null,
    about text not null,
    condition text not null default 'true'
);
insert into ledger.catalog (place, name, key, about) values
    (1, 'pg_authid', 'c.oid::text', 'array[c.oid]'),
    (
        2, 'pg_auth_members', 'concat_ws('' '', c.roleid, c.member, c.grantor)',
        'array[c.roleid, c.member]'
    ),
    (3, 'pg_db_role_setting', 'concat_ws('' '', c.setdatabase, c.setrole)', 'array[c.setrole]'),
    (4, 'pg_shdescription', 'c.objoid::text', 'array[c.objoid]'),
    (
        5, 'pg_shdepend', 'concat_ws('' '', c.objid, c.refobjid, c.deptype)',
        'array(
            select unnest(array[m.roleid, m.member])
            from pg_catalog.pg_auth_members as m
            where (to_jsonb(m) ->> ''oid'')::oid = c.objid
        )'
    );
update ledger.catalog
set condition = 'c.setrole <> 0'
where name = 'pg_db_role_setting';
update ledger.catalog
set condition = 'c.classoid = ''pg_catalog.pg_authid''::regclass'
where name = 'pg_shdescription';
update ledger.catalog
set condition = 'c.classid = ''pg_catalog.pg_auth_members''::regclass'
where name = 'pg_shdepend';

-- The rows as they were, and those that a load has changed, as it left them; null: it is gone.
create table ledger.before (
    catalog text,
    key text,
    about oid[] not null,
    held jsonb not null,
    primary key (catalog, key)
);
create table ledger.changed (
    catalog text,
    key text,
    held jsonb,
    primary key (catalog, key)
);

-- Roles that a run's files name, known before they are applied, and roles that they have made.
create table ledger.expected (
    run text,
    name text,
    noted boolean not null default false,
    primary key (run, name)
);
create table ledger.made (
    role oid primary key,
    run text not null
);
-- Roles that were there when a load began, and that no run is known to have made.
create table ledger.there (
    load text,
    role oid,
    primary key (load, role)
);

create function ledger.marked()
returns oid[]
language sql
set search_path = ''
as $$
    select coalesce(pg_catalog.array_agg(d.objoid order by d.objoid), '{}')
    from pg_catalog.pg_shdescription as d
    where d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
        and d.description ~ '^made by pytest-usersync, run [0-9a-f]{8}'
$$;

create function ledger.seen()
returns table (catalog text, key text, about oid[], held jsonb)
language plpgsql
set search_path = ''
set timezone = 'UTC'
as $$
declare
    one ledger.catalog;
begin
    for one in select * from ledger.catalog as c order by c.place loop
        return query execute format(
            'select %L::text, %s, %s, to_jsonb(c) from pg_catalog.%I as c where %s and not %s && $1',
            one.name, one.key, one.about, one.name, one.condition, one.about
        ) using ledger.marked();
    end loop;
end
$$;

insert into ledger.before
select s.catalog, s.key, s.about, s.held
from ledger.seen() as s;

-- The rows that are not what they were.
create view ledger.difference as
select
    coalesce(b.catalog, s.catalog) as catalog,
    coalesce(b.key, s.key) as key,
    coalesce(b.about, s.about) as about,
    b.held as was,
    s.held as is_now
from ledger.before as b
full join ledger.seen() as s on s.catalog = b.catalog and s.key = b.key
where b.held is distinct from s.held;

-- The roles that are new, each with the runs that may have made it: one, when a load has noted it.
create view ledger.newcomer as
select r.oid as role, r.rolname::text as name, coalesce(m.run, e.run) as run
from ledger.difference as d
join pg_catalog.pg_authid as r on d.catalog = 'pg_authid' and r.oid = d.key::oid
left join ledger.made as m on m.role = r.oid
left join ledger.expected as e on e.name = r.rolname and m.run is null
where d.was is null;

-- Write down which roles a load is about to name, and return those to be made that are there, each
-- with the runs that may have made it. A role that nobody of ours made is a stranger's.
create function ledger.expect(load text, run text, created text[], named text[])
returns table (name text, maker text)
language plpgsql
set search_path = ''
as $$
begin
    return query
    select n.name, n.run
    from ledger.newcomer as n
    where n.name = any (created) and n.run is not null
    order by n.name, n.run;
    insert into ledger.there (load, role)
    select expect.load, n.role from ledger.newcomer as n where n.run is null;
    insert into ledger.expected (run, name)
    select expect.run, w.name
    from (
        select pg_catalog.unnest(created) as name
        union
        select r.rolname from pg_catalog.pg_roles as r where r.rolname = any (named)
    ) as w
    where w.name not in (select n.name from ledger.newcomer as n where n.run is null)
    on conflict on constraint expected_pkey do update set noted = false;
end
$$;

-- Write down what a load has changed, and which roles it has made: all but those that were there.
create function ledger.note(load text, run text)
returns void
language sql
set search_path = ''
as $$
    insert into ledger.changed (catalog, key, held)
    select d.catalog, d.key, d.is_now
    from ledger.difference as d
    on conflict (catalog, key) do update set held = excluded.held;
    insert into ledger.made (role, run)
    select r.oid, coalesce(e.run, note.run)
    from ledger.difference as d
    join pg_catalog.pg_authid as r on d.catalog = 'pg_authid' and r.oid = d.key::oid
    left join lateral (
        select o.run
        from ledger.expected as o
        where o.name = r.rolname
        order by o.run = note.run desc, o.run
        limit 1
    ) as e on true
    where d.was is null
        and not exists (
            select from ledger.there as t where t.load = note.load and t.role = r.oid
        )
    on conflict (role) do nothing;
    delete from ledger.there as t where t.load = note.load;
    update ledger.expected as e set noted = true where e.run = note.run
$$;

-- Take our mark off roles that were there before: only a file of a run can have written it, so that
-- we drop them, what they own and what they were granted.
create function ledger.unmark()
returns void
language plpgsql
set search_path = ''
as $$
declare
    one record;
begin
    for one in
        select r.rolname, d.held ->> 'description' as description
        from ledger.before as b
        join pg_authid as r on b.catalog = 'pg_authid' and r.oid = b.key::oid
        left join ledger.before as d on d.catalog = 'pg_shdescription' and d.key = b.key
        where r.oid = any (ledger.marked())
        order by r.rolname
    loop
        execute format('comment on role %I is %L', one.rolname, one.description);
    end loop;
end
$$;

-- Mark roles that the files of runs have made, so that they are dropped with what we make: those
-- of ended runs, and of all when nobody is left. A role of ours that may make roles is an
-- administrator of those that it has made (PostgreSQL 16 and newer).
create function ledger.mark(alive text[])
returns void
language plpgsql
set search_path = ''
as $$
declare
    one record;
begin
    for one in
        select
            r.rolname,
            coalesce(
                (select m.run from ledger.made as m where m.role = r.oid),
                (
                    select e.run
                    from ledger.expected as e
                    where e.name = r.rolname
                    order by e.run = any (alive) desc, e.run
                    limit 1
                ),
                (
                    select '00000000'
                    from pg_auth_members as m
                    where m.roleid = r.oid
                        and m.admin_option
                        and m.member = any (ledger.marked())
                        and cardinality(alive) = 0
                    limit 1
                )
            ) as run
        from ledger.difference as d
        join pg_authid as r on d.catalog = 'pg_authid' and r.oid = d.key::oid
        where d.was is null
        order by r.rolname
    loop
        if one.run is not null and one.run <> all (alive) then
            execute format(
                'comment on role %I is %L', one.rolname, 'made by pytest-usersync, run ' || one.run
            );
        end if;
    end loop;
end
$$;

-- Put back the roles that were there; roles that are new since then, and what is about them, stay.
-- Of a run that did not come to its end only that is put back which its load is known to have
-- changed and nobody since then, and what its files name when it ended while it loaded.
create function ledger.put_back(everything boolean)
returns void
language plpgsql
set search_path = ''
as $$
declare
    one record;
begin
    create temporary table back on commit drop as
    select d.catalog, d.key, d.was, c.place, c.key as expression, c.condition
    from ledger.difference as d
    join ledger.catalog as c on c.name = d.catalog
    left join ledger.changed as l on l.catalog = d.catalog and l.key = d.key
    where not exists (
            select
            from unnest(d.about) as a (oid)
            where not exists (
                select from ledger.before as b where b.catalog = 'pg_authid' and b.key::oid = a.oid
            )
        )
        and (
            everything
            or (l.key is not null and l.held is not distinct from d.is_now)
            or exists (
                select
                from ledger.expected as e
                join ledger.before as b on b.catalog = 'pg_authid' and b.held ->> 'rolname' = e.name
                where not e.noted and b.key::oid = any (d.about)
            )
        );
    for one in select * from pg_temp.back as b order by b.place desc, b.key loop
        execute format(
            'delete from pg_catalog.%I as c where %s = $1 and %s',
            one.catalog, one.expression, one.condition
        ) using one.key;
    end loop;
    for one in
        select * from pg_temp.back as b where b.was is not null order by b.place, b.key
    loop
        execute format(
            'insert into pg_catalog.%1$I'
            ' select (jsonb_populate_record(null::pg_catalog.%1$I, $1)).*',
            one.catalog
        ) using one.was;
    end loop;
end
$$;
