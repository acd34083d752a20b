create extension if not exists pgcrypto with schema extensions;
create extension if not exists pgjwt with schema extensions;

create table public.api_keys (
    id uuid primary key default gen_random_uuid(),
    owner_id uuid not null unique references auth.users (id) on delete cascade,
    hashed text not null,
    token text not null
);
alter table public.api_keys enable row level security;
create policy "own key" on public.api_keys for select to authenticated
    using (owner_id = (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid);

create function public.issue_key() returns trigger
language plpgsql security definer set search_path = public, extensions as $$
begin
    insert into api_keys (owner_id, hashed, token)
    values (
        new.id,
        crypt(gen_random_uuid()::text, gen_salt('bf', 4)),
        sign(
            json_build_object('sub', new.id, 'role', 'authenticated'),
            current_setting('app.settings.jwt_secret')
        )
    );
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.issue_key();
