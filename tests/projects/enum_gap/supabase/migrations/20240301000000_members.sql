create type member_status as enum ('active', 'suspended');

create table public.members (
    id uuid primary key references auth.users on delete cascade,
    status member_status not null
);

create function public.add_member() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    insert into members (id, status) values (new.id, 'pending');
    return new;
end $$;

create trigger on_signup after insert on auth.users
for each row execute function public.add_member();
