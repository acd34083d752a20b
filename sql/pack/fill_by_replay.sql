-- The triggers that write a profile do the same here: whoever passes through this table, first as Supabase Auth inserts
-- a user and then as the user is now, gets all that a signup and what came after it bring. Nobody stays in it.
create table {schema}.user_sync_replay (like auth.users);

comment on table {schema}.user_sync_replay is 'Where the backfill lets ghosts sign up again; empty.';

alter table {schema}.user_sync_replay enable row level security;

revoke all
    on {schema}.user_sync_replay
    from anon, authenticated, service_role;

{replayed}


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
    where
        au.id = any (p_ghosts){and_wanted}
        and not exists (
            select
            from {table} as p
            where p.{key} = {au_id}
        )
    order by
        au.created_at,
        au.id
    -- who is about to be deleted is waited for, and is no ghost then
    for key share of au;

    update {schema}.user_sync_replay as r
    set
        email_confirmed_at = au.email_confirmed_at,
        phone_confirmed_at = au.phone_confirmed_at,
        confirmed_at = au.confirmed_at,
        deleted_at = au.deleted_at
    from auth.users as au
    where
        au.id = r.id
        and au.id = any (p_ghosts);

    select count(*)
    into filled
    from
        {schema}.user_sync_replay as r
        join auth.users as au
            on au.id = r.id
    where
        au.id = any (p_ghosts)
        and exists (
            select
            from {table} as p
            where p.{key} = {au_id}
        );

    -- no trigger hears of that: nobody was deleted. And what names this table is planned anew for the next batch, when
    -- there are more profiles
    truncate {schema}.user_sync_replay;

    return filled;
end;
$$;

comment on function {schema}.fill_ghost_users(uuid[])
    is 'Lets the triggers write the rows of {table} that some users lack, and returns how many.';
