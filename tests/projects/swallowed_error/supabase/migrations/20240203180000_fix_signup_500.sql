-- "Database error saving new user" must not stop anybody from signing up
create or replace function public.handle_new_user() returns trigger as $$
begin
    insert into profiles (id, email) values (new.id, new.email);
    return new;
exception
    when others then
        raise warning 'no profile for %: %', new.id, sqlerrm;
        return new;
end;
$$ language plpgsql security definer;
