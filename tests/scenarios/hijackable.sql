-- broken: a function for migrations executes what it is handed
-- says: anon can call public\.exec_sql\(text\).*trigger on public\.profiles.*runs code of anon as .*revoke execute on function public\.exec_sql
create or replace function public.exec_sql(query text)
    returns void
    language plpgsql
as $$
begin
    execute query;
end;
$$;

grant all on public.profiles to anon, authenticated;
-- mended: as told

-- broken: a function for dashboards executes queries with its owner's rights
-- says: can call public\.run_query\(text,integer\), which executes any SQL as postgres
create or replace function public.run_query(query text, most integer default 100)
    returns jsonb
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    found jsonb;
begin
    execute 'select jsonb_agg(t) from (' || query || ') as t' into found;

    return found;
end;
$$;
-- mended:
create or replace function public.run_query(query text, most integer default 100)
    returns jsonb
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return (
        select jsonb_agg(t.full_name order by t.full_name)
        from public.profiles as t
        where t.full_name = query
    );
end;
$$;

revoke execute on function public.run_query(text, integer) from public, anon, authenticated;

-- broken: what is executed makes a type of the name that a function declares
-- says: with the type text that this SQL creates, public\.handle_new_user\(\) runs code of anon as postgres in the same request
create or replace function public.exec_sql(query text)
    returns void
    language plpgsql
as $$
begin
    execute query;
end;
$$;

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    called text := new.raw_user_meta_data ->> 'full_name';
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, called, new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.handle_new_user();
-- mended: as told
