create view public.my_logins as
select i.provider, i.email, i.last_sign_in_at
from auth.identities as i
where i.user_id = auth.uid();

create function public.my_devices()
returns table (id uuid, user_agent text, seen timestamptz, factors bigint)
language sql stable security definer set search_path = '' as $$
    select
        s.id,
        s.user_agent,
        (select max(t.updated_at) from auth.refresh_tokens as t where t.session_id = s.id),
        (select count(*) from auth.mfa_factors as f where f.user_id = s.user_id)
    from auth.sessions as s
    where s.user_id = auth.uid()
$$;

revoke all on public.my_logins from anon;
grant select on public.my_logins to authenticated;
