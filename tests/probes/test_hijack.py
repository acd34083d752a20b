"""What is true of the pack as it was reviewed, and who an attacker is."""

from __future__ import annotations

from pathlib import Path

import pytest
from acts import Act, judged, staged

from pytest_usersync.model.finding import Outcome
from pytest_usersync.postgres import Server
from pytest_usersync.probes.security.called_functions import routines
from pytest_usersync.probes.security.hijack import attackers
from pytest_usersync.runner.context import on_clone
from pytest_usersync.runner.savepoint import rolled_back

PACK = Path(__file__).parents[2] / "sql" / "migrations"
REVIEWED = {path.name: path.read_text("utf-8") for path in PACK.glob("202601*.sql")}
UNQUALIFIED = {
    **REVIEWED,
    "20260127000004_unqualified.sql": REVIEWED[
        "20260127000001_create_user_sync_trigger.sql"
    ].replace("insert into public.users", "insert into users"),
}


@pytest.mark.parametrize(
    ("files", "outcome"), [(REVIEWED, Outcome.KEPT), (UNQUALIFIED, Outcome.BROKEN)]
)
def test_the_reviewed_path_holds_only_while_every_name_is_qualified(
    server: Server, tmp_path: Path, files: dict[str, str], outcome: Outcome
) -> None:
    with staged(server, Act("pack", "none", files), tmp_path) as subject:
        (hijackable,) = judged(subject, "US602")
        (mutable,) = judged(subject, "US601")
    assert (hijackable.outcome, mutable.outcome) == (Outcome.KEPT, outcome)


def test_the_reviewed_grants_are_useless(server: Server, tmp_path: Path) -> None:
    with staged(server, Act("pack", "none", REVIEWED), tmp_path) as subject:
        (verdict,) = judged(subject, "US609")
    (finding,) = verdict.findings
    assert "granted to anon, authenticated, service_role" in finding.summary
    assert finding.location is not None
    assert finding.location.source == (
        "grant execute on function public.handle_new_user() to anon;"
    )


def test_a_role_that_may_do_no_more_than_another_is_not_tried(
    server: Server, tmp_path: Path
) -> None:
    act = Act(
        "rights", "plain", {"20260102000000_more.sql": "grant create on schema public to anon;"}
    )
    names = []
    for folder, design in (("same", Act("same", "plain")), ("more", act)):
        with (
            staged(server, design, tmp_path / folder) as subject,
            on_clone(subject) as context,
            rolled_back(context) as transaction,
        ):
            found = attackers(context, transaction, routines(context))
            names.append([one.role for one in found])
    assert names == [["authenticated"], ["authenticated", "anon"]]
