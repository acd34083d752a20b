-- The key is text, as in an app that came from another provider. Everything is in a schema of its
-- own.

create schema if not exists app;

create table if not exists app.member (
    "userId" text primary key,
    "emailAddress" varchar(320),
    "confirmedAt" timestamptz,
    "joinedAt" timestamptz not null
);

alter table app.member enable row level security;

create or replace function app.member_follows_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        delete from app.member where "userId" = old.id::text;
    elsif tg_op = 'INSERT' then
        insert into app.member ("userId", "emailAddress", "confirmedAt", "joinedAt")
        values (new.id::text, new.email, new.email_confirmed_at, new.created_at)
        on conflict ("userId") do nothing;
    elsif new.deleted_at is not null then
        update app.member
        set "emailAddress" = null, "confirmedAt" = null
        where "userId" = new.id::text;
    else
        update app.member
        set "emailAddress" = new.email, "confirmedAt" = new.email_confirmed_at
        where "userId" = new.id::text;
    end if;

    return null;
end;
$$;

revoke all on function app.member_follows_user() from public, anon, authenticated, service_role;

create or replace trigger member_follows_user
    after insert or delete or update of email, email_confirmed_at, deleted_at on auth.users
    for each row
    execute function app.member_follows_user();
