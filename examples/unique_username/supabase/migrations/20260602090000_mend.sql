-- Who comes second gets the name with something behind it, and may change it in the app.
create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    wanted text := new.raw_user_meta_data ->> 'username';
begin
    loop
        begin
            insert into public.profiles (id, username)
            values (new.id, wanted)
            on conflict (id) do nothing;

            return new;
        exception
            when unique_violation then
                wanted := new.raw_user_meta_data ->> 'username';
                wanted := wanted || '_' || left(gen_random_uuid()::text, 8);
        end;
    end loop;
end;
$$;
