begin;
  drop publication if exists supabase_realtime;
  create publication supabase_realtime;
commit;

alter publication supabase_realtime add table public.channels;
alter publication supabase_realtime add table public.users;
alter table public.users replica identity full;
