-- broken: what ends an AFTER trigger ends a BEFORE trigger
-- says: ignore\(\)|public.ignore
create or replace function public.ignore()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return null;
end;
$$;

create or replace trigger ignore
    before insert on auth.users
    for each row
    execute function public.ignore();
-- mended:
drop trigger ignore on auth.users;

-- broken: the id is replaced
-- says: do not change new.id
create or replace function public.renumber()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    new.id := gen_random_uuid();
    return new;
end;
$$;

create or replace trigger renumber
    before insert on auth.users
    for each row
    execute function public.renumber();
-- mended:
drop trigger renumber on auth.users;
