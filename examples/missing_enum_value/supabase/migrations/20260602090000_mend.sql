-- What the function writes, the type has.
alter type public.user_role add value if not exists 'user';
