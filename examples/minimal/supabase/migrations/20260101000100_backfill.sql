-- Users older than the triggers. Nobody waits for this, and it can be run again.
insert into public.profiles (
    id,
    email,
    phone,
    email_verified,
    display_name,
    created_at
)
select
    users.id,
    case when users.deleted_at is null then users.email end,
    case when users.deleted_at is null then users.phone end,
    users.deleted_at is null and users.email_confirmed_at is not null,
    case when users.deleted_at is null then public.display_name_from(users.raw_user_meta_data) end,
    coalesce(users.created_at, now())
from auth.users as users
order by users.created_at, users.id
on conflict (id) do nothing;
