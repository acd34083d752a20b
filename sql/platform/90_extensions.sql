-- The extensions of a new project: those of the server if it has them, else stand-ins.

select usersync.add_extension('pg_stat_statements', 'extensions');
select usersync.add_extension('pgcrypto', 'extensions');
select usersync.add_extension('uuid-ossp', 'extensions');
select usersync.add_extension('supabase_vault', 'vault');
select usersync.add_extension('pg_graphql', 'graphql');
