insert into public.roles (name) values ('user'), ('moderator'), ('admin')
on conflict (name) do nothing;
