-- The rows that the trigger of the pack would have written.
create function {schema}.fill_ghost_users(p_ghosts uuid[])
    returns bigint
    security definer
    set search_path = ''
    -- users are looked up by their keys: weighed anew for each batch, reading the whole table can seem cheaper
    set plan_cache_mode = force_generic_plan
    language plpgsql
as $$
declare
    filled bigint;
begin
    -- what {function} writes
    insert into {table} (
{columns}
    )
    select
{values}
    from auth.users as au
    where au.id = any (p_ghosts){and_wanted}
    order by au.id
    -- who is about to be deleted is waited for, and is no ghost then
    for key share of au;

    get diagnostics filled = row_count;

    return filled;
end;
$$;

comment on function {schema}.fill_ghost_users(uuid[])
    is 'Writes the rows of {table} that some users lack, and returns how many.';
