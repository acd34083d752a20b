-- broken: row level security is off
-- cases: anon another-user
-- says: public\.profiles \(email, phone\): row level security is off
-- also: US607
alter table public.profiles disable row level security;
grant select on public.profiles to anon;
-- mended: as told

-- broken: a public profile has the address in it
-- cases: anon another-user
-- says: policy "Public profiles are viewable by everyone\."
create policy "Public profiles are viewable by everyone."
    on public.profiles
    for select
    using (true);

grant select on public.profiles to anon;
-- mended: as told

-- broken: everybody who is signed in reads everybody
-- cases: another-user
-- says: policy "members see members" allows it
create policy "members see members"
    on public.profiles
    for select
    to authenticated
    using (auth.role() = 'authenticated');
-- mended:
drop policy "members see members" on public.profiles;
create view public.directory as
    select id, full_name from public.profiles;
revoke all on public.directory from anon, authenticated;
grant select on public.directory to authenticated;

-- broken: a view reads with its owner's rights
-- also: US607
-- base: text_key
-- cases: anon another-user
-- says: public\.people .*the view reads with its owner's rights
create view public.people as
    select "userId" as id, "emailAddress" as email, "joinedAt" as joined
    from app.member;
-- mended: as told

-- broken: the whole metadata is kept, and the policy forgets whose it is
-- base: two_tables
-- cases: anon another-user
-- says: the whole metadata
alter table public.profiles add column "rawData" jsonb;

create policy "signed in"
    on public.profiles
    for select
    to authenticated
    using ((select auth.uid()) is not null);

create or replace function public.keep_metadata()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles
    set "rawData" = new.raw_user_meta_data
    where id = new.id and "rawData" is distinct from new.raw_user_meta_data;
    return null;
end;
$$;

create or replace trigger zz_keep_metadata
    after insert or update on auth.users
    for each row
    execute function public.keep_metadata();
-- mended: as told

-- broken: a materialized view is read by whoever has the key
-- base: upsert
-- cases: anon another-user
-- says: a materialized view has no row level security
create materialized view public.newest as
    select id, nickname, email, synced_at from public.users
    order by synced_at desc
    limit 100;
-- mended: as told
