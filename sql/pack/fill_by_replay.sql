-- The triggers that write a profile do the same here: whoever passes through this table, first as Supabase Auth inserts
-- a user and then as the user is now, gets all that a signup and what came after it bring. Nobody stays in it.
create table {schema}.user_sync_replay (like auth.users);

comment on table {schema}.user_sync_replay is 'Where the backfill lets ghosts sign up again; empty.';

alter table {schema}.user_sync_replay enable row level security;

revoke all
    on {schema}.user_sync_replay
    from anon, authenticated, service_role;

{replayed}


create function {schema}.fill_ghost_users(p_first uuid, p_last uuid)
    returns bigint
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    ghosts constant uuid[] := array(
        select au.id
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
    );
    filled bigint;
begin
    if cardinality(ghosts) = 0 then
        return 0;
    end if;

    -- no password and no token comes along
    insert into {schema}.user_sync_replay
    select r.*
    from
        auth.users as au
        cross join lateral jsonb_populate_record(
            null::{schema}.user_sync_replay,
            to_jsonb(au)
                || '{
                    "encrypted_password": null,
                    "confirmation_token": null,
                    "recovery_token": null,
                    "email_change_token_new": null,
                    "email_change_token_current": null,
                    "phone_change_token": null,
                    "reauthentication_token": null,
                    "email_confirmed_at": null,
                    "phone_confirmed_at": null,
                    "confirmed_at": null,
                    "deleted_at": null
                }'
        ) as r
    where au.id = any (ghosts)
    order by
        au.created_at,
        au.id;

    update {schema}.user_sync_replay as r
    set
        email_confirmed_at = au.email_confirmed_at,
        phone_confirmed_at = au.phone_confirmed_at,
        confirmed_at = au.confirmed_at,
        deleted_at = au.deleted_at
    from auth.users as au
    where au.id = r.id;

    -- no trigger hears of that: nobody was deleted
    truncate {schema}.user_sync_replay;

    select count(*)
    into filled
    from auth.users as au
    where
        au.id = any (ghosts)
        and exists (
            select
            from {table} as p
            where p.{key} = {au_id}
        );

    return filled;
end;
$$;

comment on function {schema}.fill_ghost_users(uuid, uuid)
    is 'Lets the triggers write the missing rows of {table} from one key to another, and returns how many.';
