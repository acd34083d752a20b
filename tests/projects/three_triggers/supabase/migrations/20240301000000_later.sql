create function public.record_sign_in() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.profiles set seen_at = new.last_sign_in_at where id = new.id;
    return null;
end;
$$;

create trigger on_user_signed_in after update of last_sign_in_at on auth.users
for each row execute function public.record_sign_in();

create function public.forget_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from billing.credits where user_uuid = old.id;
    delete from public.settings where uid = old.id;
    delete from public.profiles where id = old.id;
    return old;
end;
$$;

create trigger on_user_deleted before delete on auth.users
for each row execute function public.forget_user();
