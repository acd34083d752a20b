"""What a pack says as the migrations of this project say it: the one is made from the other."""

from __future__ import annotations

import re

import pytest
from packs import MIGRATIONS

from pytest_usersync.migrations.psql_script import cut
from pytest_usersync.packgen.template import fill
from pytest_usersync.postgres import sqlfiles

# The holes, filled with the table of the migrations.
WORDS = {
    "schema": "public",
    "table": "public.users",
    "key": "id",
    "au_id": "au.id",
    "wanted_only": "",
    "and_wanted": "",
    "wanted": "",
    "f_id": "f.user_id",
    "lock": "'public.backfill_ghost_users'",
    "triggers": "",
    "fill": "",
    "profile_id": "pu.id",
    "profile_email": "pu.email",
    "profile_created": "pu.created_at",
}
# The pack knows no trigger by its name.
NAMED = ("The trigger on_auth_user_created on auth.users", "The trigger on auth.users that writes")
FUNCTION = re.compile(
    r"^create (?:or replace )?function (public\.\w+.*?^\$\$;\n)", re.MULTILINE | re.DOTALL
)
HOLE = re.compile(r"\{([a-z_]+)\}")


def functions(text: str) -> dict[str, str]:
    """Return the functions of a script by their names, however they are created."""
    return {body.partition("(")[0]: body for body in FUNCTION.findall(text)}


def migration(name: str) -> str:
    (path,) = MIGRATIONS.glob(f"*_{name}.sql")
    return path.read_text("utf-8").replace(NAMED[0], f"{NAMED[1]} public.users")


THEIRS = functions(migration("count_in_one_pass"))
OURS = functions(fill("monitoring", **WORDS))


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_pack_monitors_as_the_migrations_do(name: str) -> None:
    assert OURS[name] == THEIRS[name]


def test_a_pack_fills_batch_by_batch_as_the_migrations_do() -> None:
    procedure = re.compile(r"^create procedure .*?^\$\$;\n", re.MULTILINE | re.DOTALL)
    warned = re.compile(r"raise warning .*?, trigger_status;", re.DOTALL)
    ours, theirs = (
        [warned.sub("", one) for one in procedure.findall(text)]
        for text in (fill("backfill", **WORDS), migration("backfill_in_batches"))
    )
    assert ours == theirs
    assert len(ours) == 1


def test_a_pack_is_scheduled_as_the_migrations_are() -> None:
    assert fill("schedule", **WORDS) == migration("schedule_monitoring")


def test_a_pack_verifies_as_the_script_does_what_is_of_no_table() -> None:
    """Where it has nothing of the project's own to say, it says the same."""
    theirs = {one.text for one in cut(sqlfiles.read("verify-trigger.sql"))}
    ours = [one.text for one in cut(sqlfiles.read("pack", "verify-trigger.sql"))]
    same = [text for text in ours if set(HOLE.findall(text)) <= {"schema"}]
    assert len(same) > 3
    assert [text for text in same if text.replace("{schema}", "public") not in theirs] == []
