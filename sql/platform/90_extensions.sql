-- The extensions of a fresh project: the server's where it has them, otherwise stand-ins.

select usersync.add_extension('pg_stat_statements', 'extensions');
select usersync.add_extension('pgcrypto', 'extensions');
select usersync.add_extension('uuid-ossp', 'extensions');
select usersync.add_extension('supabase_vault', 'vault');
select usersync.add_extension('pg_graphql', 'graphql');
