create extension if not exists postgis with schema extensions;

create table public.people (
    person uuid primary key references auth.users (id) on delete cascade,
    phone text,
    place extensions.geography(Point, 4326) not null
);
create index people_place on public.people using gist (place);

create function public.create_person() returns trigger
language plpgsql security definer set search_path = public, extensions as $$
begin
    insert into people (person, phone, place) values (new.id, new.phone, 'SRID=4326;POINT(2.35 48.85)');
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.create_person();
