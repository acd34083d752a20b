"""Make the pack for one project: mend, replace where need be, add what is missing, judge it all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..model.errors import ProjectError
from ..model.finding import Outcome
from ..model.settings import Upkeep
from ..postgres import temporary_folders
from ..probes.maintenance.ghosts import ghost, without_profile
from ..probes.maintenance.rollback_scripts import state
from ..runner.check import Subject
from ..runner.context import CheckContext, on_clone
from ..runner.verdict import Verdict
from . import preconditions
from .insertion import Insertion, insertions
from .parts import backfilling, insertion, monitoring, verification, writing
from .preconditions import OWN
from .profile_table import Shape, shape, unfilled
from .repairs import JUDGED, repairs
from .rollback import beside, rollback
from .sandbox import Draft, broken_codes, judge, load_with, refused
from .target_folder import SCRIPTS
from .template import fill

# What is found of signups and no reason to replace the trigger of the project.
_NO_MATTER = frozenset({"US108", "US115"})
# What shows that a backfill is not as the triggers are.
_BACKFILL = ("US401", "US402", "US403", "US404", "US405")


@dataclass(frozen=True, slots=True)
class Pack:
    """What is to be written, and what people should know of it.

    Args:
        drafts: the migrations, in their order.
        scripts: the other files, by name.
        decided: what was decided, a sentence each.
        left: what is still found with the pack in place.
        unjudged: what could not be judged with it.
    """

    drafts: tuple[Draft, ...]
    scripts: dict[str, str]
    decided: tuple[str, ...]
    left: tuple[Verdict, ...] = ()
    unjudged: tuple[Verdict, ...] = ()


class _PackFault(ProjectError):
    """The pack as a whole is not what its steps promised."""


def make_pack(base: Subject) -> Pack:
    """Return the pack for a project.

    In the end all is judged, so of a repair it is enough to judge again what was broken. Only where
    the whole then shows something new, or cannot do its work, each repair is judged in full.

    Raises:
        ProjectError: the project has nothing that the pack can be made for.
    """
    with suppress(_PackFault):
        return _made(base, thorough=False)
    return _made(base, thorough=True)


def _made(base: Subject, *, thorough: bool) -> Pack:
    decided: list[str] = []
    with on_clone(base) as context:
        plain = insertions(context)
        into = next((one for one in plain if one.key), None)
        known = shape(context, into)
        words = known.words(base.policies.null_email)
        preconditions.free(context, words["schema"])
    drafts, left = _written(base, known, plain, words, decided, thorough=thorough)
    with load_with(base, drafts) as subject:
        preconditions.profiled(subject)
        with on_clone(subject) as context:
            preconditions.in_time(context)
            known = shape(context, None)
            words = known.words(base.policies.null_email)
            one = insertion(context, known, insertions(context))
            ways = [
                backfilling(context, known, way, words) for way in ([one] if one else []) + [None]
            ]
            rest = [
                Draft("mend_ghost_users", fill("mend", **words)),
                monitoring(known, subject.sync, words),
                Draft("schedule_user_sync_monitoring", fill("schedule", **words)),
            ]
            verify = verification(subject.sync, words)
    drafts += [_better(base, drafts, ways), *rest]
    pack = _finished(base, _ordered(drafts), words, verify, decided)
    news = {code for code in broken_codes(pack.left) - left if code.startswith(JUDGED)}
    if news and not thorough:
        raise _PackFault(f"The pack would cause {', '.join(sorted(news))}. See --usersync-explain.")
    return pack


def _better(base: Subject, drafts: list[Draft], ways: list[Draft]) -> Draft:
    """Return the first of the backfills that is as the triggers are, else the last."""
    # An insert of many rows at once is quicker than the triggers, but may differ from them.
    for way in ways[:-1]:
        with load_with(base, [*drafts, way]) as subject:
            if not refused(base, subject) and not broken_codes(judge(subject, _BACKFILL)):
                return way
    return ways[-1]


def _ordered(drafts: list[Draft]) -> list[Draft]:
    """Return the drafts, what is about those who are there already behind the backfill."""
    late = [one for one in drafts if one.name.endswith("_of_old")]
    rest = [one for one in drafts if one not in late]
    at = next(place for place, one in enumerate(rest) if one.name == "mend_ghost_users") + 1
    return [*rest[:at], *late, *rest[at:]]


def _written(
    base: Subject,
    known: Shape,
    plain: list[Insertion],
    words: dict[str, str],
    decided: list[str],
    *,
    thorough: bool,
) -> tuple[list[Draft], set[str]]:
    """Return the repairs and what they leave broken.

    Where the project's trigger cannot be mended, one of the pack's is among them.
    """
    drafts, still = repairs(base, [], thorough=thorough) if base.sync.targets else ([], set())
    left = {code for code in still if code.startswith("US1")} - _NO_MATTER
    with load_with(base, drafts) as subject:
        whole = bool(subject.sync.targets)
        mine = [one for one in plain if one.table == known.table and one.key == known.key]
        writers = set(subject.sync.profile.written_by) if whole else {one.trigger for one in mine}
        alone = len(subject.sync.targets) <= 1 and not subject.sync.side_tables
    if whole and not left:
        decided.append(f"{_named(writers)} stays: every signup creates its row in {known.table}.")
        return drafts, still
    found = ", ".join(sorted(left)) or ("US102" if base.sync.blocked else "US103")
    if not mine or writers != {one.trigger for one in mine} or not alone:
        if not whole:
            raise ProjectError(
                f"A signup creates no row in a profile table ({found}), and the trigger does more"
                f" than insert one. Correct it first; see --usersync-explain {found[:5]}."
            )
        decided.append(
            f"{_named(writers)} stays, although {found} is found: it does more than insert one"
            " row, and the pack cannot replace that."
        )
        return drafts, still
    new = _replacement(base, known, mine, words, found)
    more, still = repairs(base, [*drafts, new], thorough=thorough)
    decided.append(
        f"{_named(writers)} is replaced by {OWN}, which inserts the same: {found} was found."
    )
    return [*drafts, new, *more], still


def _replacement(
    base: Subject, known: Shape, mine: list[Insertion], words: dict[str, str], found: str
) -> Draft:
    """Return the trigger that inserts what the project's own did."""
    lacking = unfilled(known, mine[-1].values)
    if lacking:
        raise ProjectError(
            f"{known.table} needs a value for {', '.join(lacking)}, but neither the trigger nor a"
            " default gives one. Add a default, or make it nullable."
        )
    why = f"The earlier trigger caused {found}."
    return writing(known, mine, words, why, base.policies)


def _named(triggers: set[str]) -> str:
    return " and ".join(sorted(triggers)) or "What writes the profile"


def _finished(
    base: Subject, drafts: list[Draft], words: dict[str, str], verify: str, decided: list[str]
) -> Pack:
    """Return the pack once it was loaded and judged as a whole."""
    with on_clone(base) as context:
        before, old = state(context.session()), beside(context)
    with temporary_folders.folder() as folder:
        paths = [folder / name for name in SCRIPTS]
        upkeep = Upkeep(verify=str(paths[0]), rollback=str(paths[1]))
        with load_with(base, drafts, upkeep) as subject:
            if said := refused(base, subject):
                raise _PackFault(f"The migrations of the pack do not apply: {'; '.join(said)}.")
            with on_clone(subject) as context:
                _fills(context, words)
                after = state(context.session())
                new = [one for one in beside(context) if one not in old]
            back = rollback(before, after, words, new)
            for path, text in zip(paths, (verify, back), strict=True):
                path.write_text(text, encoding="utf-8")
            verdicts = judge(subject, ("US",))
    decided += _told(drafts)
    scripts = dict(zip(SCRIPTS, (verify, back), strict=True))
    left = tuple(one for one in verdicts if one.findings)
    unjudged = tuple(one for one in verdicts if one.outcome is Outcome.NOT_JUDGED)
    return Pack(tuple(drafts), scripts, tuple(decided), left, unjudged)


def _fills(context: CheckContext, words: dict[str, str]) -> None:
    """Make a ghost and see that the backfill gives it a profile."""
    lost = ghost(context)
    context.execute(f"call {words['schema']}.backfill_ghost_users(p_commit => false)")
    if lost in without_profile(context):
        rows = context.query(
            f"select error_message as said from {words['schema']}.user_sync_failures"
        )
        said = f": {rows[0]['said']}" if rows else ""
        raise _PackFault(
            f"The project's triggers cannot run again for a ghost user{said}. Write the profile"
            " in one AFTER INSERT trigger, from the new row only."
        )


def _told(drafts: list[Draft]) -> Iterator[str]:
    replays = any("user_sync_replay" in one.text for one in drafts)
    yield (
        "In the backfill, the project's own triggers write the missing rows."
        if replays
        else "The backfill inserts the same values as the trigger."
    )
