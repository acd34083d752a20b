create extension if not exists pg_net with schema extensions;

create function public.send_welcome_mail() returns trigger
language plpgsql security definer set search_path = public, net as $$
begin
    perform net.http_post(
        url := coalesce(current_setting('app.settings.functions_url', true), 'http://kong:8000')
            || '/functions/v1/welcome',
        body := jsonb_build_object('user_id', new.id, 'email', new.email),
        headers := jsonb_build_object('Content-Type', 'application/json'),
        timeout_milliseconds := 2000
    );
    return new;
end;
$$;

create trigger send_welcome_mail after insert on auth.users
for each row execute function public.send_welcome_mail();
