-- Everybody starts as a member; a role is given by somebody who has the right to. Who took one loses it: look through
-- the list of those who are meant to keep theirs first.
update public.profiles set role = 'member' where role <> 'member';

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    return new;
end;
$$;
