insert into auth.users (
    instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
    confirmation_token, recovery_token, email_change, email_change_token_new
)
select
    '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated',
    'demo' || n || '@example.com', crypt('demo1234', gen_salt('bf')), now(),
    '{"provider": "email", "providers": ["email"]}', '{}', now(), now(), '', '', '', ''
from generate_series(1, 3) as n;

insert into auth.identities (id, user_id, provider_id, identity_data, provider, created_at, updated_at)
select
    gen_random_uuid(), id, id::text, jsonb_build_object('sub', id::text, 'email', email), 'email',
    now(), now()
from auth.users;
