-- A soft-deleted user stays in auth.users without personal data: Supabase Auth writes a hash in place of the address.
-- The profile stays as well, for what refers to it, and keeps no more of the person than Auth does.

create or replace function public.handle_user_soft_delete()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.users
    set
        email = null,
        email_verified = false,
        first_name = null,
        last_name = null,
        profile_photo_url = null,
        deleted_at = new.deleted_at,
        updated_at = now()
    where id = new.id;

    return null;
end;
$$;

comment on function public.handle_user_soft_delete()
    is 'Takes all personal data out of the public.users row of a soft-deleted user.';


create or replace trigger on_auth_user_soft_deleted
    after update on auth.users
    for each row
    when (old.deleted_at is null and new.deleted_at is not null)
    execute function public.handle_user_soft_delete();
