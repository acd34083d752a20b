create table public.invites (
    id uuid primary key default gen_random_uuid(),
    team_id uuid not null references public.teams (id) on delete cascade,
    email text not null,
    role text not null default 'member',
    accepted_at timestamptz
);

alter table public.invites enable row level security;

create policy "invited people see their invites" on public.invites
    for select to authenticated using (email = auth.email());

create function public.claim_invites() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.team_members (team_id, user_id, role)
    select team_id, new.id, role
    from public.invites
    where lower(email) = lower(new.email) and accepted_at is null
    on conflict do nothing;

    update public.invites set accepted_at = now() where lower(email) = lower(new.email);
    return new;
end;
$$;

create trigger claim_invites after insert on auth.users
for each row execute function public.claim_invites();
