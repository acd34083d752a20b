-- A stand-in for supabase_vault: it stores, names and returns secrets as the real one does, but
-- encodes them and does not encrypt them.
-- version 0.3.1, schema vault

create table vault.secrets (
    id uuid primary key default gen_random_uuid(),
    name text,
    description text not null default '',
    secret text not null,
    key_id uuid,
    nonce bytea default pg_catalog.uuid_send(pg_catalog.gen_random_uuid()),
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp
);
comment on table vault.secrets
    is 'Table with encrypted `secret` column for storing sensitive information on disk.';
create unique index on vault.secrets (name) where name is not null;

create view vault.decrypted_secrets as
select
    id,
    name,
    description,
    secret,
    pg_catalog.convert_from(pg_catalog.decode(secret, 'base64'), 'UTF8') as decrypted_secret,
    key_id,
    nonce,
    created_at,
    updated_at
from vault.secrets;

create function vault.create_secret(
    new_secret text,
    new_name text default null,
    new_description text default '',
    new_key_id uuid default null
)
returns uuid
language sql
security definer
set search_path = ''
as $$
    insert into vault.secrets (secret, name, description)
    values (encode(convert_to(new_secret, 'UTF8'), 'base64'), new_name, new_description)
    returning id
$$;

create function vault.update_secret(
    secret_id uuid,
    new_secret text default null,
    new_name text default null,
    new_description text default null,
    new_key_id uuid default null
)
returns void
language sql
security definer
set search_path = ''
as $$
    update vault.secrets
    set secret = coalesce(encode(convert_to(new_secret, 'UTF8'), 'base64'), secret),
        name = coalesce(new_name, name),
        description = coalesce(new_description, description),
        updated_at = now()
    where id = secret_id
$$;

revoke all on function
    vault.create_secret(text, text, text, uuid),
    vault.update_secret(uuid, text, text, text, uuid)
from public;

-- after

grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;
grant select, delete, truncate, references on table vault.secrets, vault.decrypted_secrets
    to postgres with grant option;
grant select, delete on table vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function
    vault.create_secret(text, text, text, uuid),
    vault.update_secret(uuid, text, text, text, uuid)
to postgres with grant option;
grant execute on function
    vault.create_secret(text, text, text, uuid),
    vault.update_secret(uuid, text, text, text, uuid)
to service_role;
