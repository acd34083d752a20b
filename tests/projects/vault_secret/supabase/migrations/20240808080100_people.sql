create extension if not exists pgcrypto with schema extensions;

create table public.people (
    id uuid primary key references auth.users (id) on delete cascade,
    email_hash text
);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    pepper text;
begin
    select decrypted_secret into pepper from vault.decrypted_secrets where name = 'email_pepper';

    insert into public.people (id, email_hash)
    values (
        new.id,
        encode(extensions.hmac(coalesce(new.email, ''), coalesce(pepper, ''), 'sha256'), 'hex')
    );
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
