-- broken: the trigger was dropped, the function is still there
-- says: create_profile
drop trigger on_auth_user_created on auth.users;
-- mended: as told
-- also: US308

-- broken: the trigger stands on another table of the name users
-- says: create_profile
drop trigger on_auth_user_created on auth.users;

create table public.users (id uuid primary key);
alter table public.users enable row level security;

create or replace trigger on_auth_user_created
    after insert on public.users
    for each row
    execute function public.create_profile();
-- mended:
-- also: US308
drop trigger on_auth_user_created on public.users;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: only a delete is noticed
drop trigger on_auth_user_created on auth.users;
drop trigger on_auth_user_updated on auth.users;

create or replace trigger on_auth_user_deleted
    after delete on auth.users
    for each row
    execute function public.update_profile();
-- mended:
-- also: US308
drop trigger on_auth_user_deleted on auth.users;

create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

create or replace trigger on_auth_user_updated
    after update of email, phone, email_confirmed_at on auth.users
    for each row
    execute function public.update_profile();
