-- 'pending' was meant to be here before the trigger; left for later
alter table public.members add column note text;
