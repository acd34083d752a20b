"""Facts about a server: its build, the rights of the run, the simulated Supabase on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ..model.settings import Settings
from ..platform import existing_auth, platform
from ..postgres import MAINTENANCE, Server, database


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was found out, or what stood in the way (``trouble``)."""

    about: str
    text: str
    source: str
    trouble: bool = False


def choice(given: Settings) -> Iterator[Fact]:
    """Tell which other programs could have been started, and which not, where none was named."""
    if given.dsn is not None or given.binaries is not None:
        return
    from ..postgres import locate  # noqa: PLC0415  needs POSIX, which a server by DSN does not

    found, misses = locate.survey()
    others = "; ".join(one.origin for one in found[1:]) or "none"
    yield Fact("server", f"other servers found: {others}", "wheels, pg_config, usual folders")
    for miss in misses:
        yield Fact("server", f"not usable: {miss}", "wheels, pg_config, usual folders")


def build(one: Server) -> Iterator[Fact]:
    """Tell what the server is."""
    with closing(database.connect(one, MAINTENANCE)) as connection:
        row = connection.execute("select pg_catalog.version() as text").fetchone()
        yield Fact("server", row["text"] if row else "unknown", "version()")
        row = connection.execute(
            """
            select
                pg_catalog.pg_encoding_to_char(encoding) as encoding,
                datcollate as locale
            from pg_catalog.pg_database
            where datname = 'template0'
            """
        ).fetchone()
        if row:
            yield Fact("server", f"{row['encoding']}, locale {row['locale']}", "template0")


def rights(one: Server) -> Iterator[Fact]:
    """Tell what the run may do there."""
    with closing(database.connect(one, MAINTENANCE)) as connection:
        row = connection.execute(
            """
            select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
            from pg_catalog.pg_roles
            where rolname = session_user
            """
        ).fetchone()
    held_ones = ", ".join(name.removeprefix("rol") for name, held in (row or {}).items() if held)
    yield Fact("rights", f"the role of the run has: {held_ones or 'none'}", "pg_roles")
    yield Fact("rights", f"migrations run as {platform.migration_role(one)}", "pg_roles")


def simulated(one: Server) -> Iterator[Fact]:
    """Tell how the platform could be simulated there; it goes with the run."""
    template = platform.template(one)
    yield Fact("platform", "the simulated Supabase was built", "create database")
    yield from extensions(one, template, "the platform")
    yield from _own_auth(one, template)


def extensions(one: Server, name: str, whose: str) -> Iterator[Fact]:
    """Tell which extensions a database has, and which of them only by name."""
    stand_ins = platform.stand_ins(one, name)
    with closing(database.connect(one, name)) as connection:
        rows = connection.execute(
            "select extname, extversion from pg_catalog.pg_extension order by extname"
        ).fetchall()
    # A stand-in has a version too, which would look like the real one's.
    real = [f"{r['extname']} {r['extversion']}" for r in rows if r["extname"] not in stand_ins]
    yield Fact("extensions", f"{whose} has real extensions: {', '.join(real)}", "pg_extension")
    if stand_ins:
        yield Fact(
            "extensions", f"{whose} has stand-ins for: {', '.join(stand_ins)}", "pg_extension"
        )


def _own_auth(one: Server, template: str) -> Iterator[Fact]:
    if one.own:
        return
    where = f"auth.users in {MAINTENANCE}"
    if not existing_auth.real(one):
        yield Fact("auth", "the server has no auth schema", where)
        return
    with existing_auth.adopt(one, template) as name:
        for sentence in existing_auth.describe_differences(one, template, name):
            yield Fact("auth", sentence, where)
