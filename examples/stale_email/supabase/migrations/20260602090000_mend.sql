-- The address follows.
create or replace function public.handle_user_update()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles set email = new.email where id = new.id;
    return new;
end;
$$;

revoke all on function public.handle_user_update() from public, anon, authenticated, service_role;

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (new.deleted_at is null and old.email is distinct from new.email)
    execute function public.handle_user_update();
