create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    username text not null
);

-- The part before the @, with a number behind it if somebody has that already.
create function public.handle_new_user()
    returns trigger
    language plpgsql
    security definer
    set search_path = ''
as $$
declare
    wanted text := split_part(new.email, '@', 1);
    free text := wanted;
    number integer := 1;
begin
    while exists (select from public.profiles where username = free) loop
        number := number + 1;
        free := wanted || number;
    end loop;
    insert into public.profiles (id, username) values (new.id, free);
    return new;
end
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row execute function public.handle_new_user();
