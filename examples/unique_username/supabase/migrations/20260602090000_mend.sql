-- Who comes second gets the name with something behind it, and may change it in the app.
create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    chosen text := left(new.raw_user_meta_data ->> 'username', 40);
    wanted text := chosen;
begin
    loop
        begin
            insert into public.profiles (id, username)
            values (new.id, wanted)
            on conflict (id) do nothing;

            return new;
        exception
            when unique_violation then
                wanted := chosen || '_' || left(gen_random_uuid()::text, 8);
        end;
    end loop;
end;
$$;
