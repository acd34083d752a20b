-- The rows that the trigger of the pack would have written.
create function {schema}.fill_ghost_users(p_first uuid, p_last uuid)
    returns bigint
    security definer
    set search_path = ''
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
    where
        au.id between p_first and p_last{wanted}
        and not exists (
            select
            from {table} as p
            where p.{key} = {au_id}
        )
    order by au.id
    -- who is about to be deleted is waited for, and is no ghost then
    for key share of au
    on conflict ({key}) do nothing;

    get diagnostics filled = row_count;

    return filled;
end;
$$;

comment on function {schema}.fill_ghost_users(uuid, uuid)
    is 'Writes the missing rows of {table} from one key to another, and returns how many.';
