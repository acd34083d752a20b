create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    locale text not null,
    signed_up_with text
);

create function public.normalise_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    new.email := lower(trim(new.email));
    new.raw_user_meta_data := jsonb_build_object('locale', 'en')
        || coalesce(new.raw_user_meta_data, '{}'::jsonb);
    return new;
end;
$$;

create trigger normalise_user before insert on auth.users
for each row execute function public.normalise_user();

create function public.write_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, email, locale, signed_up_with)
    values (
        new.id,
        new.email,
        new.raw_user_meta_data ->> 'locale',
        new.raw_app_meta_data ->> 'provider'
    );
    return new;
end;
$$;

create trigger write_profile after insert on auth.users
for each row execute function public.write_profile();
