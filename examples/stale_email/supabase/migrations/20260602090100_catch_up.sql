-- Those who changed their address before, now that no change is missed any more.
update public.profiles as p
set email = u.email
from auth.users as u
where u.id = p.id and u.deleted_at is null and u.email is distinct from p.email;
