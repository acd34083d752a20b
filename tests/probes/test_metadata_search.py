"""What metadata a signup refuses is found for every seed alike, shrunk, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.checks.registry import find
from pytest_usersync.model.settings import Exploration
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.probes.signup.metadata_search import Search
from pytest_usersync.probes.signup.odd_metadata import Metadata, drawn, simpler, values
from pytest_usersync.probes.signup.saved_failures import FOLDER, SavedFailures
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.runner.verdict import Verdict, judge

READS = """
alter table public.profiles add column score integer;
create or replace function public.create_profile() returns trigger security definer
    set search_path = '' language plpgsql
as $$
declare
    sent jsonb := new.raw_user_meta_data;
begin
    insert into public.profiles (id, email, phone, full_name, created_at, score)
    values (new.id, new.email, new.phone, sent ->> 'full_name', new.created_at, {score});
    return new;
end;
$$;
"""
CAST = "(sent ->> 'score')::integer"
# Nothing that is always tried has one key of one kind and another of another.
RARE = """case
    when jsonb_typeof(sent -> 'score') = 'number' and jsonb_typeof(sent -> 'full_name') = 'boolean'
        then (sent ->> 'no such key' || 'x')::integer + 1 / (sent -> 'score' = 'null')::integer
end"""
# Two statements behind the insert, each of which fails for something rare.
SEVERAL = """0);
    perform case jsonb_typeof(sent -> 'score') || jsonb_typeof(sent -> 'full_name')
        when 'numberboolean' then 1 / (sent = 'null')::integer end;
    perform (case jsonb_typeof(sent -> 'score') || jsonb_typeof(sent -> 'full_name')
        when 'booleannumber' then (sent::text)::integer end"""

Stand = Callable[[str], Subject]


@pytest.fixture
def subject(server: Server, tmp_path: Path) -> Iterator[Stand]:
    """Return a function that sandboxes a project which makes a score of what is sent."""
    exits = ExitStack()

    def subject(score: str) -> Subject:
        act = Act("reads", "plain", {"20260102000000_reads.sql": READS.replace("{score}", score)})
        return exits.enter_context(staged(server, act, tmp_path))

    with exits:
        yield subject


def judged(subject: Subject, exploration: Exploration) -> Verdict:
    with Sandbox(replace(subject, exploration=exploration)) as sandbox:
        return judge(find("US107"), "", sandbox)


def test_the_outcome_is_the_same_whatever_the_seed(subject: Stand) -> None:
    reads = subject(CAST)
    told = [judged(reads, Exploration(seed, 100)) for seed in (0, 1, 2)]
    summaries = {tuple(one.summary for one in verdict.findings) for verdict in told}
    assert len(summaries) == 1
    ((summary,),) = summaries
    assert '{"score":""}' in summary


def test_what_is_always_tried_is_enough_where_nothing_is_drawn(subject: Stand) -> None:
    assert len(judged(subject(CAST), Exploration(0, 0)).findings) == 1


def test_what_drawing_alone_finds_is_remembered_for_a_run_that_draws_nothing(
    subject: Stand,
) -> None:
    rare = subject(RARE)
    assert not judged(rare, Exploration(0, 0)).findings
    assert not (rare.project.root / FOLDER).exists()
    (found,) = judged(rare, Exploration(0, 400)).findings
    (again,) = judged(rare, Exploration(0, 0)).findings
    assert (found.summary, found.failure) == (again.summary, again.failure)
    assert '"score":0}' in found.summary


def test_what_was_saved_is_told_as_it_was_when_it_was_drawn(subject: Stand) -> None:
    several = subject(SEVERAL)
    drawn = judged(several, Exploration(0, 400))
    saved = judged(several, Exploration(0, 400))
    assert len(drawn.findings) > 1
    assert saved.findings == drawn.findings


def test_what_fails_no_more_is_forgotten(subject: Stand) -> None:
    sound = subject("null")
    memory = SavedFailures(sound.project.root, "US107")
    memory.remember([{"score": "x"}])
    assert not judged(sound, Exploration(0, 0)).findings
    assert memory.examples() == []


def test_an_example_has_no_more_than_it_needs(subject: Stand) -> None:
    reads = subject(CAST)
    with (
        Clones(reads.server) as clones,
        closing(database.connect(reads.server, clones.take(reads.database))) as connection,
    ):
        search = Search(connection, reads.sync)
        assert search.refused() is None
        search.systematic()
        assert [(one.example, one.keys) for one in search.causes] == [({"score": ""}, ["score"])]


MANY = [f"key_{number}" for number in range(12)]


def searched(reads: Subject) -> tuple[Search, int]:
    """Search in a clone; return the search, and how many signups it took in all."""
    with (
        Clones(reads.server) as clones,
        closing(database.connect(reads.server, clones.take(reads.database))) as connection,
    ):
        search = Search(connection, reads.sync)
        assert search.refused() is None
        search.systematic()
        search.drawn(Exploration(0, 100))
        return search, search.tries


def test_many_keys_take_few_signups(subject: Stand) -> None:
    read = " || ".join(f"coalesce(sent ->> '{key}', '')" for key in MANY)
    search, tries = searched(subject(f"length({read})"))
    assert len(search._keys) > len(MANY)  # else nothing is shown
    assert not search.causes
    assert tries < 300


def test_many_causes_are_told_apart_in_a_bounded_number_of_signups(subject: Stand) -> None:
    casts = "\n+ ".join(f"(nullif(sent ->> '{key}', ''))::integer" for key in MANY[:3])
    dated = f"extract(year from (sent ->> '{MANY[3]}')::date)::integer"
    search, tries = searched(subject(f"{casts}\n+ {dated}"))
    told = [(sorted(cause.example), sorted(cause.keys)) for cause in search.causes]
    assert ([MANY[0]], MANY[:3]) in told
    assert ([MANY[3]], [MANY[3]]) in told
    assert tries < 700


def test_the_same_seed_draws_the_same() -> None:
    one, again, other = (drawn(seed, ["a", "b"]) for seed in (3, 3, 4))
    first = [next(one) for _ in range(50)]
    assert first == [next(again) for _ in range(50)]
    assert first != [next(other) for _ in range(50)]


def test_one_more_than_there_is_room_for_is_odd() -> None:
    assert "x" * 51 in values([50])


@pytest.mark.parametrize("text", ['"', "é", "a'", "xxx'", "Ada 1000000"])
def test_what_is_simpler_is_another_text(text: str) -> None:
    assert {"name": text} not in [*simpler({"name": text})]


@pytest.mark.parametrize("which", [0, -1])
def test_simplifying_ends(which: int) -> None:
    seen: Metadata = {"name": {"first": ["Ada Lovelace", 17, None]}, "age": "x" * 50, "tags": []}
    for _ in range(1000):
        if not (found := [*simpler(seen)]):
            return
        seen = found[which]
    pytest.fail(f"{seen} can still be simplified")


def test_the_example_of_a_refused_list_is_an_empty_one(subject: Stand) -> None:
    lists = f"case when jsonb_typeof(sent -> 'score') = 'array' then {CAST} end"
    (found,) = judged(subject(lists), Exploration(0, 0)).findings
    assert '{"score":[]}' in found.summary
