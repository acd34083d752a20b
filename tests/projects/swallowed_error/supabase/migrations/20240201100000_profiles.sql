create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text not null,
    created_at timestamptz default now()
);

create function public.handle_new_user() returns trigger as $$
begin
    insert into profiles (id, email) values (new.id, new.email);
    return new;
end;
$$ language plpgsql security definer;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
