-- What to do when a profile cannot be written: refuse the signup (block, as before), or let the user in without one and
-- write down why (allow). Whoever is let in is a ghost until the next backfill; monitoring says so.
--
-- The trigger takes the date of the signup from the user, as the backfill does, so that both write the same row. An
-- insert never carries a confirmation; the update that does has a trigger of its own.

create table public.user_sync_settings (
    -- there is one row
    only_row boolean primary key default true check (only_row),
    on_failure text not null default 'block' check (on_failure in ('block', 'allow'))
);

comment on table public.user_sync_settings is 'How the user sync behaves; one row.';
comment on column public.user_sync_settings.on_failure
    is 'block: a failed sync fails the signup; allow: the user is let in, and the failure recorded.';

insert into public.user_sync_settings default values;


create table public.user_sync_failures (
    user_id uuid primary key,
    -- a signup that was let through, or a user that the backfill set aside
    source text not null check (source in ('signup', 'backfill')),
    error_code text not null,
    error_message text not null,
    error_detail text,
    failed_at timestamptz not null default now()
);

comment on table public.user_sync_failures is 'Users whose profile could not be written, and why.';


alter table public.user_sync_settings enable row level security;
alter table public.user_sync_failures enable row level security;

revoke all
    on public.user_sync_settings, public.user_sync_failures
    from anon, authenticated;


create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    code text;
    message text;
    detail text;
begin
    insert into public.users (
        id,
        email,
        email_verified,
        created_at,
        updated_at
    )
    values (
        new.id,
        new.email,
        new.email_confirmed_at is not null,
        coalesce(new.created_at, now()),
        now()
    )
    on conflict (id) do nothing;

    return null;
exception
    when others then
        if (select on_failure from public.user_sync_settings) is distinct from 'allow' then
            raise;
        end if;

        get stacked diagnostics
            code = returned_sqlstate,
            message = message_text,
            detail = pg_exception_detail;

        insert into public.user_sync_failures (
            user_id,
            source,
            error_code,
            error_message,
            error_detail
        )
        values (
            new.id,
            'signup',
            code,
            message,
            nullif(detail, '')
        )
        on conflict (user_id) do nothing;

        raise warning 'User % has no profile: %', new.id, message;

        return null;
end;
$$;
