-- The country is asked for after the signup. An error is an error, and nobody is lost without a trace.
alter table public.profiles alter column country drop not null;

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    return new;
end;
$$;
