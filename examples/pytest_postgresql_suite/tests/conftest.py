from pytest_usersync.postgresql import usersync_auth, usersync_noproc

postgresql_proc = usersync_noproc()  # the fixture "postgresql" makes its databases here
supabase_auth = usersync_auth()  # signs users up in the database of "postgresql"
