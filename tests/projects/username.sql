-- Every user has a unique name: the name that they ask for, or that name with a suffix. Names are
-- public, emails are not.

create table if not exists public.players (
    id uuid primary key references auth.users (id) on delete cascade,
    username text not null unique,
    contact text,
    avatar_url text
);

alter table public.players enable row level security;
revoke all on public.players from anon, authenticated;
grant select (id, username, avatar_url) on public.players to anon, authenticated;
grant update (username, avatar_url) on public.players to authenticated;

drop policy if exists "names are public" on public.players;
create policy "names are public"
    on public.players
    for select
    using (true);

drop policy if exists "own name" on public.players;
create policy "own name"
    on public.players
    for update
    to authenticated
    using (id = (select auth.uid()));

create or replace function public.add_player()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    wished text := regexp_replace(lower(new.raw_user_meta_data ->> 'username'), '[^a-z0-9_]', '', 'g');
    chosen text := coalesce(nullif(left(wished, 20), ''), 'player');
begin
    loop
        begin
            insert into public.players (id, username, contact, avatar_url)
            values (new.id, chosen, new.email, new.raw_user_meta_data ->> 'avatar_url')
            on conflict (id) do nothing;
            return new;
        exception
            when unique_violation then
                chosen := left(chosen, 20) || '_' || left(gen_random_uuid()::text, 8);
        end;
    end loop;
end;
$$;

create or replace function public.change_player()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.deleted_at is null then
        update public.players set contact = new.email where id = new.id;
    else
        update public.players
        set username = 'gone_' || id, contact = null, avatar_url = null
        where id = new.id;
    end if;

    return new;
end;
$$;

revoke all on function public.add_player() from public, anon, authenticated, service_role;
revoke all on function public.change_player() from public, anon, authenticated, service_role;

create or replace trigger add_player
    after insert on auth.users
    for each row
    execute function public.add_player();

create or replace trigger change_player
    after update of email, deleted_at on auth.users
    for each row
    when (old.email is distinct from new.email or old.deleted_at is distinct from new.deleted_at)
    execute function public.change_player();
