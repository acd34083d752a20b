-- A club that one enters by invitation, and its members: every user is one.

create table public.members (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    invited_by uuid references public.members (id) on delete set null
);

create table public.invitations (
    code text primary key,
    from_member uuid references public.members (id) on delete cascade,
    used_at timestamptz
);

alter table public.members enable row level security;
alter table public.invitations enable row level security;


create function public.create_member()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.members (id, email)
    values (new.id, new.email)
    on conflict (id) do nothing;

    return null;
end;
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_member();

revoke execute on function public.create_member() from public, anon, authenticated, service_role;
