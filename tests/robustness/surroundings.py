"""What a user's machine may be like: variables of libpq and of the locale, disks, clocks."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lab import EMBEDDED, SCRAM, TRUST, Lab
from namespace import LAB
from rows import Row, Seen, differences, struck
from runs import Report

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
NOT_HERE = "left out"
_SERVICES = """
[elsewhere]
host=nowhere.invalid
port=1
sslmode=verify-full
options=-c search_path=evil
"""
VARIABLES = {
    "PGSERVICE": "unheard-of",
    "PGSERVICEFILE": "/nowhere",
    "PGSYSCONFDIR": "/nowhere",
    "PGDATESTYLE": "German",
    "PGTZ": "Pacific/Kiritimati",
    "PGGEQO": "off",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGGSSENCMODE": "require",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "nobody-at-all",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "random",
    "PGCONNECT_TIMEOUT": "soon",
    "PGOPTIONS": "-c search_path=evil -c default_transaction_read_only=on",
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nowhere",
    "PGPASSWORD": "wrong",
    "PGAPPNAME": "somebody",
    "PGMINPROTOCOLVERSION": "3.2",
    "PGSSLCERT": "/nowhere",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "unheard-of",
    "TZ": "Nowhere/At/All",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUTF8": "0",
    "PYTHONHASHSEED": "0",
}
OTHERS = (
    {"PGSERVICE": "elsewhere", "PGSERVICEFILE": str(LAB / "services")},
    {"PGCLIENTENCODING": "LATIN1"},
    {"PGSSLMODE": "require"},
    {"PGCONNECT_TIMEOUT": "1"},
    {"PGHOST": "nowhere.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "wrong"},
    {"LC_ALL": "unheard-of"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)
# What somebody says of sessions everywhere; a server, a login and TLS are not among it.
BEHAVIOUR = ("PGDATESTYLE", "PGTZ", "PGGEQO", "PGCLIENTENCODING", "PGOPTIONS", "LC_ALL", "TZ")


def equal(lab: Lab, report: Report, kind: str = EMBEDDED, *, refusable: bool = False) -> Seen:
    """Judge a run that must find what every run finds, or be refused in one line."""
    if refusable and report.one_line():
        return Seen("one line, exit 4", report.complaints())
    wanted = lab.reference(kind)
    wrong = report.complaints() + differences(report.verdicts, wanted.verdicts)
    if report.status != wanted.status:
        last = (report.output.strip().splitlines() or [""])[-1][:200]
        wrong.append(f"exit {report.status}: {last}")
    return Seen("other verdicts" if wrong else "the same verdicts", wrong)


def poisoned(
    lab: Lab, chance: random.Random, *, variables: dict[str, str], kind: str = EMBEDDED
) -> Seen:
    """Run with variables that are meant for something else."""
    lab.reference(kind)
    (LAB / "services").write_text(_SERVICES)
    return equal(lab, lab.run(kind, variables=variables).report(), kind)


@contextmanager
def covered(place: Path, megabytes: float) -> Iterator[None]:
    """Have a small disk in a place."""
    size = f"mode=1777,size={int(megabytes * 1024)}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def small(megabytes: float) -> Iterator[Path]:
    """Have no memory for files but a disk that small; yield its place."""
    place = LAB / "small"
    place.mkdir(exist_ok=True, mode=0o755)
    with covered(Path("/dev/shm"), 1), covered(place, megabytes):  # noqa: S108
        yield place


def disk_small(lab: Lab, chance: random.Random, *, megabytes: float) -> Seen:
    """Run where less fits than a run needs; what was judged must be right all the same."""
    wanted = lab.reference()
    with small(megabytes) as place:
        report = lab.run(variables={"TMPDIR": str(place)}).report()
        left = [path.name for path in place.iterdir()]
    if report.one_line():
        return Seen("one line, exit 4", [f"{name} was left" for name in left])
    wrong = struck(report, wanted, (1, 2, 4)) + [f"{name} was left" for name in left]
    return Seen(_told(report), wrong)


def disk_fills(lab: Lab, chance: random.Random) -> Seen:
    """Let something else fill the disk at a random moment of a run."""
    wanted = lab.reference()
    with small(200) as place:
        run = lab.run(variables={"TMPDIR": str(place)})
        run.is_up_after(chance.random() * wanted.seconds)
        _fill_up(place / "a-film")
        report = run.report()
        (place / "a-film").unlink()
        left = [path.name for path in place.iterdir()]
    wrong = struck(report, wanted, (1, 2, 4)) + [f"{name} was left" for name in left]
    return Seen(_told(report), wrong, report.when)


def _fill_up(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as film:
        while True:
            film.write(bytes(2**16))


def _told(report: Report) -> str:
    return f"exit {report.status}" + ", not judged" * ("not-judged" in report.verdicts.values())


def report_on_full_disk(lab: Lab, chance: random.Random) -> Seen:
    """Write the report where no byte fits any more."""
    place = LAB / "full"
    place.mkdir(exist_ok=True)
    with covered(place, 0.0625):
        _fill_up(place / "a-film")
        run = lab.run(EMBEDDED, f"--usersync-report={place / 'report.json'}")
        report = run.report()
        left = sorted(path.name for path in place.iterdir() if path.name != "a-film")
    wrong = report.complaints() + [f"{name} was left" for name in left]
    if report.status in (0, lab.reference().status) and "report" not in report.output:
        wrong.append("nobody is told that there is no report")
    return Seen(f"exit {report.status}", wrong)


def cache_full(lab: Lab, chance: random.Random) -> Seen:
    """Run with a cache that takes nothing."""
    place = LAB / "full"
    place.mkdir(exist_ok=True)
    lab.reference()
    with covered(place, 0.0625):
        _fill_up(place / "a-film")
        seen = equal(lab, lab.run(variables={"XDG_CACHE_HOME": str(place)}).report())
        left = sorted(path.name for path in place.iterdir() if path.name != "a-film")
    # An empty folder of ours in a cache is no harm.
    seen.wrong += [f"{name} was left" for name in left if name != "pytest-usersync"]
    return seen


def memory_small(lab: Lab, chance: random.Random) -> Seen:
    """Run in a container whose /dev/shm is as small as Docker's is."""
    lab.reference()
    with covered(Path("/dev/shm"), 64):  # noqa: S108
        return equal(lab, lab.run().report())


def clock(lab: Lab, chance: random.Random, *, faked: str) -> Seen:
    """Run while the clock is wrong all the time."""
    if not FAKETIME:
        return Seen(f"{NOT_HERE}: libfaketime is not installed")
    lab.reference()
    return equal(lab, lab.run(variables=_faked(faked)).report())


def clock_of_another(lab: Lab, chance: random.Random) -> Seen:
    """Start another run two days later, by its clock, while a run is at work or starts."""
    if not FAKETIME:
        return Seen(f"{NOT_HERE}: libfaketime is not installed")
    wanted = lab.reference()
    run = lab.run()
    run.is_up_after(chance.random() * 0.5 * wanted.seconds)
    late = lab.run(variables=_faked("+2d"), out="late").report()
    seen = equal(lab, run.report())
    seen.wrong += [f"the later run: {one}" for one in equal(lab, late).wrong]
    return seen


def _faked(offset: str) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME": offset,
        "FAKETIME_NO_CACHE": "1",
    }


def home_read_only(lab: Lab, chance: random.Random) -> Seen:
    """Run in a container whose home cannot be written."""
    lab.reference()
    place = LAB / "nothing"
    place.mkdir(exist_ok=True)
    with covered(place, 0.0625):
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        return equal(lab, lab.run(variables={"HOME": str(place)}).report())


def _name(variables: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in variables.items())


_ALL = {name: value for name, value in VARIABLES.items() if not name.startswith("PYTHON")}

VARIABLE_ROWS = (
    Row(
        "all variables of libpq and the locale at once, own server",
        partial(poisoned, variables=_ALL),
        1,
        1,
    ),
    *(
        Row(_name({name: value}), partial(poisoned, variables={name: value}))
        for name, value in VARIABLES.items()
    ),
    *(Row(_name(one), partial(poisoned, variables=one)) for one in OTHERS),
    *(
        Row(
            f"all variables of how sessions behave at once, {kind}",
            partial(poisoned, variables={one: VARIABLES[one] for one in BEHAVIOUR}, kind=kind),
            1,
            after=kind,
        )
        for kind in (TRUST, SCRAM)
    ),
)
MACHINE_ROWS = (
    Row("a home that cannot be written", home_read_only),
    Row("memory for files of 64 MB, as in Docker", memory_small),
    *(
        Row(f"a disk of {size} MB", partial(disk_small, megabytes=size), 1, int(size == 40))
        for size in (1, 20, 40, 60, 80, 120)
    ),
    Row("the disk is filled by somebody else", disk_fills, 10),
    Row("the report is written to a full disk", report_on_full_disk, 1, 1),
    Row("the cache is on a full disk", cache_full),
    Row("the clock is a year ahead", partial(clock, faked="+365d")),
    Row("the clock is ten years behind", partial(clock, faked="-3650d")),
    Row("another run's clock is two days ahead", clock_of_another, 3),
)
