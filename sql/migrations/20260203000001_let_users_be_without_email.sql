-- Users who sign up by phone, anonymously, with a wallet or by a provider that tells no address have no email. A
-- profile that insists on one turns them away: the trigger fails, and the signup with it.

alter table public.users
    alter column email drop not null;

comment on column public.users.email is 'The address in auth.users; null for users without one.';
