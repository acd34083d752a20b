"""Kills and signals at random moments: of a run, a worker, a server, a backend."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from functools import partial
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM

import processes
from lab import EMBEDDED, SCRAM, TRUST, Lab
from rows import Row, Seen, struck
from runs import Run

Aim = Callable[[Lab, str, Run], list[int]]

WORKERS = ("-n", "2")
# Statuses after a signal: Python's own end, and what shells and pytest make of it.
ENDS = {
    SIGKILL: (-9,),
    SIGTERM: (-15, 143),
    SIGINT: (-2, 2, 130),
    SIGHUP: (-1, 129),
}
# Whoever loses its server or a worker says so in what it found, or says that it cannot begin.
GOES_ON = (1, 2, 4)


def the_run(lab: Lab, kind: str, run: Run) -> list[int]:
    return [run.pid]


def the_terminal(lab: Lab, kind: str, run: Run) -> list[int]:
    """Return whom a key of the terminal reaches: the run and its workers, not its server."""
    return [run.pid, *_workers(run)]


def a_worker(lab: Lab, kind: str, run: Run) -> list[int]:
    return processes.awaited(lambda: _workers(run), run.ended)


def the_server(lab: Lab, kind: str, run: Run) -> list[int]:
    if server := lab.server(kind):
        return [server.pid]
    return processes.awaited(lambda: _postmasters(run), run.ended)


def a_backend(lab: Lab, kind: str, run: Run) -> list[int]:
    server = lab.server(kind)

    def backends() -> Iterator[int]:
        for top in [server.pid] if server else _postmasters(run):
            yield from (one.pid for one in processes.descendants(top) if one.is_backend)

    return processes.awaited(backends, run.ended)


def _workers(run: Run) -> list[int]:
    return [one.pid for one in processes.descendants(run.pid) if one.is_python]


def _postmasters(run: Run) -> list[int]:
    # Neither `postgres --version` nor a child that has the name of who forked it.
    return [one.pid for one in processes.descendants(run.pid) if one.is_postmaster]


def kill(
    lab: Lab,
    chance: random.Random,
    *,
    aim: Aim,
    number: signal.Signals = SIGKILL,
    kind: str = EMBEDDED,
    more: tuple[str, ...] = (),
    again: int = 0,
) -> Seen:
    """Signal somebody at a random moment of a run; ``again`` signals so often while it ends."""
    wanted = lab.reference(kind, *more)
    for _ in range(8):
        run = lab.run(kind, *more)
        if run.is_up_after(chance.random() * wanted.seconds) and (found := aim(lab, kind, run)):
            break
        run.report()
    else:
        return Seen("the run was over first", ["eight runs were over before the fault"])
    hit = found if aim is the_terminal else [chance.choice(found)]
    processes.send(hit, number)
    for _ in range(again):
        if run.is_up_after(0):
            processes.gone(lambda: [run.pid] * (not run.ended()), chance.random() * 0.3)
            processes.send([run.pid], number)
    report = run.report()
    _restart(lab, kind, aim, number)
    ends = aim in (the_run, the_terminal)
    allowed = ENDS[number] if ends else GOES_ON
    wrong = struck(report, wanted, allowed)
    word = f"exit {report.status}" + ", some not judged" * _is_open(report.verdicts)
    return Seen(word, wrong, report.when, kills=1)


def _is_open(verdicts: dict[str, str]) -> bool:
    return "not-judged" in verdicts.values()


def _restart(lab: Lab, kind: str, aim: Aim, number: signal.Signals) -> None:
    """Start a server of somebody else's again, as its operator would."""
    server = lab.server(kind)
    if server and aim is the_server:
        server.stop(number)
        server.start()
    elif server and aim is a_backend:
        server.start()


def two_at_once(lab: Lab, chance: random.Random, *, kind: str) -> Seen:
    """Kill one of two runs; nothing of it may concern the other one."""
    wanted = lab.reference(kind)
    killed, other = lab.run(kind, out="killed"), lab.run(kind)
    killed.is_up_after(chance.random() * wanted.seconds)
    processes.send([killed.pid], SIGKILL)
    struck_report, report = killed.report(), other.report()
    wrong = struck(struck_report, wanted, ENDS[SIGKILL]) + struck(report, wanted, ())
    if report.verdicts != wanted.verdicts:
        wrong.append("the other run has other verdicts")
    return Seen(f"the other run: exit {report.status}", wrong, kills=1)


def _row(name: str, times: int, quick: int = 0, **how: object) -> Row:
    kind = how.get("kind", EMBEDDED)
    assert isinstance(kind, str)
    return Row(f"{name}, {kind}", partial(kill, **how), times, quick, kind)  # type: ignore[arg-type]


ON_OWN = (
    _row("kill -9 of the run", 25, 1, aim=the_run),
    _row("kill -9 of the run with two workers", 10, aim=the_run, more=WORKERS),
    _row("kill -9 of a worker", 15, aim=a_worker, more=WORKERS),
    _row("kill -9 of PostgreSQL", 20, 1, aim=the_server),
    _row("kill -9 of a session's process", 15, aim=a_backend),
    _row("SIGTERM to the run", 15, aim=the_run, number=SIGTERM),
    _row("SIGHUP to the run", 5, aim=the_run, number=SIGHUP),
    _row("Ctrl-C", 15, 1, aim=the_terminal, number=SIGINT),
    _row("Ctrl-C with two workers", 10, aim=the_terminal, number=SIGINT, more=WORKERS),
    _row("Ctrl-C, and again while the run ends", 10, aim=the_run, number=SIGINT, again=3),
    _row("SIGTERM, and again while the run ends", 10, aim=the_run, number=SIGTERM, again=3),
    Row("kill -9 of one of two runs, own server", partial(two_at_once, kind=EMBEDDED), 5),
)
ON_DSN = (
    _row("kill -9 of the run", 20, 1, aim=the_run, kind=TRUST),
    _row("kill -9 of the run", 10, aim=the_run, kind=SCRAM),
    _row("kill -9 of a worker", 10, aim=a_worker, kind=TRUST, more=WORKERS),
    _row("kill -9 of PostgreSQL", 10, aim=the_server, kind=TRUST),
    _row("kill -9 of a session's process", 10, aim=a_backend, kind=SCRAM),
    _row("SIGTERM to the run", 10, aim=the_run, number=SIGTERM, kind=TRUST),
    _row("Ctrl-C", 10, aim=the_terminal, number=SIGINT, kind=SCRAM),
    Row(
        "kill -9 of one of two runs, plain server", partial(two_at_once, kind=TRUST), 5, after=TRUST
    ),
)
