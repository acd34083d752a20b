create table public.plans (
    id text primary key,
    name text not null,
    seats int not null
);

create table public.tenants (
    id uuid primary key default gen_random_uuid(),
    plan_id text not null default 'free' references public.plans (id),
    trial_ends_at timestamptz not null default now() + interval '14 days'
);

create table public.tenant_users (
    user_id uuid primary key references auth.users (id) on delete cascade,
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    email text not null
);

create or replace function public.provision_tenant() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    tenant uuid;
begin
    insert into public.tenants default values returning id into tenant;
    insert into public.tenant_users (user_id, tenant_id, email) values (new.id, tenant, new.email);
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.provision_tenant();
