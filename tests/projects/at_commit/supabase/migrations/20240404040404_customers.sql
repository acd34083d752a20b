create table public.customers (
    id bigserial primary key,
    auth_user uuid unique references auth.users (id) on delete set null,
    email text,
    phone text
);

create function public.create_customer() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.customers (auth_user, email, phone) values (new.id, new.email, new.phone);
    return null;
end;
$$;

create constraint trigger customer_at_commit
    after insert on auth.users
    deferrable initially deferred
    for each row execute function public.create_customer();
