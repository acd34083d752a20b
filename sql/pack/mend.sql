-- Who is there already: users without a profile get one.
--
-- A migration is one transaction, so the backfill does not commit here. With very many users, run the call by itself
-- before this migration, without p_commit; then nothing is left to do here.

call {schema}.backfill_ghost_users(p_commit => false);
