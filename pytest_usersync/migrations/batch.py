"""The queries that are sent for the statements of a file, and for its row in a history table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..postgres import pipeline
from ..postgres.pipeline import Query
from ..postgres.prepared import array
from .model import Manner, Migration, Project
from .privileges import platform_query
from .split import Statement

# The tables of the Supabase CLI v2.104, made as it makes them.
HISTORY = """
    set local lock_timeout = '4s';
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (
        version text not null primary key
    );
    alter table supabase_migrations.schema_migrations
        add column if not exists statements text[],
        add column if not exists name text
"""
SEEDS = """
    create table if not exists supabase_migrations.seed_files (
        path text not null primary key,
        hash text not null
    )
"""
_RECORD = """
    insert into supabase_migrations.schema_migrations (version, name, statements)
    values ($1::text, $2::text, $3::text[])
"""
_RECORD_SEED = """
    insert into supabase_migrations.seed_files (path, hash)
    values ($1::text, $2::text)
    on conflict (path) do update set hash = excluded.hash
"""


def queries(statements: Sequence[Statement]) -> list[Query]:
    """Return the statements as they are sent."""
    return [query(statement) for statement in statements]


def query(statement: Statement) -> Query:
    """Return a statement as it is sent."""
    # Seeds hold rows by the thousand: an insert is never rewritten, so it is not searched.
    if statement.verb == "insert":
        return pipeline.query(statement.text)
    text, parameters = platform_query(statement) or (statement.text, ())
    return pipeline.query(text, *parameters)


def record(project: Project, migration: Migration, statements: Sequence[Statement]) -> list[Query]:
    """Return the insert of the file's history row, or nothing if the tool keeps no history."""
    if migration.manner is Manner.CLI:
        texts = [statement.text for statement in statements]
        return [pipeline.query(_RECORD, migration.version, migration.name, array(texts))]
    if migration.manner is Manner.SEED:
        # The CLI hashes the bytes of the file, whatever they are.
        content = migration.text.encode("utf-8", "surrogateescape")
        digest = hashlib.sha256(content).hexdigest()
        return [pipeline.query(_RECORD_SEED, project.show_path(migration.path), digest)]
    return []


def changes_rows(statement: Statement) -> bool:
    """Tell whether a statement is an insert, an update or a delete."""
    return statement.verb in {"insert", "update", "delete"}
