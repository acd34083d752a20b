create extension if not exists pg_cron with schema extensions;
create extension if not exists http with schema extensions;
grant usage on schema cron to postgres;
grant all privileges on all tables in schema cron to postgres;

create table public.rates (day date primary key default current_date, content jsonb not null);

create function public.fetch_rates() returns void
language plpgsql security definer set search_path = public, extensions as $$
begin
    insert into rates (content)
    select content::jsonb from http_get('https://rates.example.com/today.json')
    on conflict (day) do update set content = excluded.content;
end;
$$;

select cron.schedule('fetch-rates', '0 5 * * *', 'select public.fetch_rates()');
select cron.schedule(
    'drop-unconfirmed',
    '30 3 * * *',
    $$ delete from auth.users where email_confirmed_at is null and created_at < now() - interval '7 days' $$
);
