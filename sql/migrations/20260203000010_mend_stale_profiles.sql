-- What the triggers keep right from now on is put right once for those who were there before: the users that the first
-- backfill could not fill, and the addresses and confirmations that were never followed.
--
-- A migration is one transaction, so the backfill does not commit here. With very many users, run the call by itself
-- before this migration; then nothing is left to do here.

call public.backfill_ghost_users(p_commit => false);

update public.users as pu
set
    email = au.email,
    email_verified = au.email_confirmed_at is not null,
    updated_at = now()
from auth.users as au
where
    au.id = pu.id
    and au.deleted_at is null
    and (pu.email, pu.email_verified) is distinct from (au.email, au.email_confirmed_at is not null);

update public.users as pu
set
    email = null,
    email_verified = false,
    first_name = null,
    last_name = null,
    profile_photo_url = null,
    deleted_at = au.deleted_at,
    updated_at = now()
from auth.users as au
where
    au.id = pu.id
    and au.deleted_at is not null
    and pu.deleted_at is distinct from au.deleted_at;
