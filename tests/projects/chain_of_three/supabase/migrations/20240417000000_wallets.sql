create table public.profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    email text
);
create table public.wallets (
    owner uuid primary key references public.profiles (user_id) on delete cascade,
    balance int not null default 0
);
create table public.ledger (
    entry bigint generated always as identity primary key,
    wallet_owner uuid not null references public.wallets (owner) on delete cascade,
    amount int not null
);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into profiles (user_id, email) values (new.id, new.email);
    return new;
end;
$$;

create function public.open_wallet() returns trigger
language plpgsql as $$
begin
    insert into public.wallets (owner, balance) values (new.user_id, 100);
    return new;
end;
$$;

create function public.book_opening() returns trigger
language plpgsql as $$
begin
    insert into public.ledger (wallet_owner, amount) values (new.owner, new.balance);
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
create trigger open_wallet after insert on public.profiles
for each row execute function public.open_wallet();
create trigger book_opening after insert on public.wallets
for each row execute function public.book_opening();
