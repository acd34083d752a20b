-- Those who were lost get their profile now: in a file of its own, for until the other one was committed the old function
-- went on losing people.
insert into public.profiles (id)
select id
from auth.users
order by created_at, id
on conflict (id) do nothing;
