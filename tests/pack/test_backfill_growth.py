"""The head's backfill reads no more the more batches it takes."""

from __future__ import annotations

import pytest
from packs import Pack

GHOSTS = 20_000
READ = "select seq_tup_read from pg_stat_user_tables where relid = %s::regclass"


def read(pack: Pack, table: str) -> int:
    """Return how many rows of a table were read by scans of the whole of it."""
    pack.owner.execute("select pg_stat_force_next_flush()")
    pack.superuser.execute("select pg_stat_clear_snapshot()")
    row = pack.superuser.execute(READ, [table]).fetchone()
    assert row
    return int(row["seq_tup_read"])


@pytest.mark.parametrize(("size", "analyzed"), [(500, False), (2000, True)])
def test_a_batch_reads_neither_table_as_a_whole(pack: Pack, size: int, *, analyzed: bool) -> None:
    pack.ghosts(GHOSTS)
    if analyzed:
        pack.do("analyze auth.users")
    before = [read(pack, table) for table in ("auth.users", "public.users")]
    pack.rows(f"call public.backfill_ghost_users({size})")
    after = [read(pack, table) for table in ("auth.users", "public.users")]
    # once for the list of ghosts, once for the failures that are none any more
    for now, then in zip(after, before, strict=True):
        assert now - then <= 2 * GHOSTS
