alter table public.profiles validate constraint profiles_id_fkey;
