create schema billing;
create table billing.credits (
    user_uuid uuid primary key,
    credits numeric(10, 2) not null default 5 check (credits >= 0)
);

create function billing.welcome_credits() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into billing.credits (user_uuid) values (new.id);
    return new;
end;
$$;

create trigger c_welcome_credits after insert on auth.users
for each row execute function billing.welcome_credits();
