-- What auth.users says of a user's address and its confirmation, the profile says too, from the signup on: Supabase
-- Auth confirms a user by an update, even one who is confirmed from the start.
--
-- A sign-in changes neither, and does not touch the profile. A soft-deleted user's address is no address any more.

create or replace function public.handle_user_update()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.users
    set
        email = new.email,
        email_verified = new.email_confirmed_at is not null,
        updated_at = now()
    where
        id = new.id
        and (email, email_verified) is distinct from (new.email, new.email_confirmed_at is not null);

    return null;
end;
$$;

comment on function public.handle_user_update()
    is 'Lets the public.users row follow a changed auth.users row.';


create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (
        new.deleted_at is null
        and (
            old.email is distinct from new.email
            or old.email_confirmed_at is distinct from new.email_confirmed_at
        )
    )
    execute function public.handle_user_update();
