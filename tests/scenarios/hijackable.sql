-- broken: a function for migrations executes what it is handed
-- says: a request of anon to public\.exec_sql\(text\).*trigger on public\.profiles.*runs the code of anon as .*revoke execute on function public\.exec_sql
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
-- says: to public\.run_query\(text,integer\) executes what it is handed, as postgres
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
