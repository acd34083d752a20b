-- Each code lets so many people in.
create table public.invitations (
    code text primary key,
    places integer not null check (places >= 0)
);
