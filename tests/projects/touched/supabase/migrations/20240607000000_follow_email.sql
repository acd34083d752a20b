create function public.follow_email() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.profiles set email = new.email where id = new.id;
    return new;
end;
$$;

create trigger follow_email after update on auth.users
for each row when (old.email is distinct from new.email)
execute function public.follow_email();

-- those who were here before
insert into public.profiles (id, email) select id, email from auth.users on conflict do nothing;
