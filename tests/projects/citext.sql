-- Emails compare without regard to case. A view shows names, and only names, to everybody.

create extension if not exists citext with schema extensions;

create table if not exists public.members (
    member_id uuid primary key references auth.users (id) on delete cascade,
    mail extensions.citext,
    name text
);

create index if not exists members_mail_idx on public.members (mail);

alter table public.members enable row level security;
revoke all on public.members from anon, authenticated;
grant select, update (name) on public.members to authenticated;

drop policy if exists "own row" on public.members;
create policy "own row"
    on public.members
    to authenticated
    using (member_id = (select auth.uid()));

create or replace view public.member_names as
select member_id, name
from public.members;

revoke all on public.member_names from anon, authenticated;
grant select on public.member_names to anon, authenticated;

create or replace function public.member_joins()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.members (member_id, mail, name)
    values (new.id, new.email, coalesce(new.raw_user_meta_data ->> 'name', 'somebody new'))
    on conflict (member_id) do nothing;
    return null;
end;
$$;

create or replace function public.member_moves()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.members
    set
        mail = case when new.deleted_at is null then new.email end,
        name = case when new.deleted_at is null then name end
    where member_id = new.id;
    return null;
end;
$$;

revoke all on function public.member_joins() from public, anon, authenticated, service_role;
revoke all on function public.member_moves() from public, anon, authenticated, service_role;

create or replace trigger member_joins
    after insert on auth.users
    for each row
    execute function public.member_joins();

create or replace trigger member_moves
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.member_moves();
