create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    is_guest boolean not null,
    plan text not null
);

create function public.first_claims() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    new.raw_app_meta_data := coalesce(new.raw_app_meta_data, '{}') || '{"plan": "free"}';
    return new;
end;
$$;
create trigger first_claims before insert on auth.users
for each row execute function public.first_claims();

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, is_guest, plan)
    values (new.id, coalesce(new.is_anonymous, false), 'free');
    return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();

alter table public.profiles enable row level security;
create policy "one's own, and all for support" on public.profiles for select to authenticated
using (
    id = auth.uid()
    or auth.jwt() -> 'app_metadata' ->> 'plan' = 'support'
);
create policy "only with a second factor" on public.profiles as restrictive for update
to authenticated using (auth.jwt() ->> 'aal' = 'aal2');
