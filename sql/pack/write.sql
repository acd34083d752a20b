-- Who signs up gets a row in {table}. {why}
--
-- It writes what {old} wrote; a profile that is there already stays as it is.

create or replace function {schema}.write_user_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
{declared}begin
    insert into {table} (
{columns}
    )
    values (
{values}
    )
    on conflict ({key}) do nothing;

    return null;
{handled}end;
$$;

comment on function {schema}.write_user_profile()
    is 'Creates the {table} row of a new auth.users row.';

revoke execute
    on function {schema}.write_user_profile()
    from public, anon, authenticated, service_role;

{drops}

create or replace trigger write_user_profile
    after insert on auth.users
    for each row{when}
    execute function {schema}.write_user_profile();
