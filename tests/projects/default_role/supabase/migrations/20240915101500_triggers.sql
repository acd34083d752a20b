create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into public.profiles (id, first_name, last_name)
    values (new.id, new.raw_user_meta_data ->> 'first_name', new.raw_user_meta_data ->> 'last_name');
    return new;
end;
$$;

create function public.assign_default_role() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into public.user_roles (user_id, role_id)
    values (new.id, (select id from public.roles where name = 'user'));
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();

create trigger assign_default_role after insert on auth.users
for each row execute function public.assign_default_role();
