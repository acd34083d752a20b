-- The roles of a Supabase cluster. The text below a "-- role <name>" line creates that role. It runs
-- only if the role is missing, because a server reached by DSN keeps the roles that it has.

-- role anon
create role anon;
alter role anon set statement_timeout = '3s';

-- role authenticated
create role authenticated;
alter role authenticated set statement_timeout = '8s';

-- role service_role
create role service_role bypassrls;

-- role authenticator
-- Upstream also preloads safeupdate here; a server without that library would refuse the login.
create role authenticator login noinherit;
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
grant anon, authenticated, service_role to authenticator;

-- role postgres
create role postgres login createdb createrole replication bypassrls;
alter role postgres set search_path = "\$user", public, extensions;
grant anon, authenticated, service_role to postgres;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
do $$
begin
    -- The images with PostgreSQL 16 and newer let postgres hand these roles on.
    if current_setting('server_version_num')::int >= 160000 then
        execute 'grant anon, authenticated, authenticator, service_role to postgres'
            ' with admin option';
    end if;
    -- supautils permits this setting to postgres, and dumped seeds begin with it.
    if current_setting('server_version_num')::int >= 150000 then
        execute 'grant set on parameter session_replication_role to postgres';
    end if;
end
$$;

-- role supabase_admin
create role supabase_admin superuser login createdb createrole replication bypassrls;
alter role supabase_admin set search_path = "\$user", public, auth, extensions;
alter role supabase_admin set log_statement = 'none';

-- role supabase_auth_admin
create role supabase_auth_admin login noinherit createrole;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60000';
alter role supabase_auth_admin set log_statement = 'none';

-- role supabase_storage_admin
create role supabase_storage_admin login noinherit createrole;
alter role supabase_storage_admin set search_path = storage;
alter role supabase_storage_admin set log_statement = 'none';
grant authenticator to supabase_storage_admin;

-- role supabase_realtime_admin
create role supabase_realtime_admin noinherit;
alter role supabase_realtime_admin set search_path = public, extensions, realtime;
grant anon, authenticated, service_role to supabase_realtime_admin;

-- role supabase_functions_admin
create role supabase_functions_admin login noinherit createrole;
alter role supabase_functions_admin set search_path = supabase_functions;
grant supabase_functions_admin to postgres;

-- role supabase_read_only_user
create role supabase_read_only_user login bypassrls;
alter role supabase_read_only_user set default_transaction_read_only = 'on';
grant pg_monitor, pg_read_all_data to supabase_read_only_user;

-- role supabase_etl_admin
create role supabase_etl_admin login replication;
grant pg_monitor, pg_read_all_data to supabase_etl_admin;

-- role supabase_replication_admin
create role supabase_replication_admin login replication;

-- role dashboard_user
create role dashboard_user createdb createrole replication;

-- role pgbouncer
create role pgbouncer login;

-- role usersync_harness
-- What the harness itself does where a project's code may run: it reads and writes all rows, changes
-- what the project made, and takes every role, but it is no superuser and cannot become one.
create role usersync_harness login bypassrls;
alter role usersync_harness set search_path = "\$user", public, auth, extensions;
alter role usersync_harness set log_statement = 'none';
grant pg_monitor, pg_read_all_data, pg_write_all_data, pg_signal_backend to usersync_harness;
grant
    anon, authenticated, service_role, authenticator, postgres, supabase_auth_admin,
    supabase_storage_admin, supabase_realtime_admin, supabase_functions_admin,
    supabase_read_only_user, supabase_etl_admin, supabase_replication_admin, dashboard_user
to usersync_harness;
do $$
begin
    if current_setting('server_version_num')::int >= 150000 then
        execute 'grant set on parameter session_replication_role, track_functions'
            ' to usersync_harness';
    end if;
    if current_setting('server_version_num')::int >= 170000 then
        execute 'grant pg_maintain to usersync_harness';
    end if;
end
$$;
