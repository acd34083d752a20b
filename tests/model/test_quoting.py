"""Names in quotes where they need them, whatever they are."""

from __future__ import annotations

from contextlib import closing

import pytest

from pytest_usersync.model.quoting import literal, quoted
from pytest_usersync.postgres import MAINTENANCE, Server, database


def test_every_word_of_sql_can_be_a_column(server: Server) -> None:
    with closing(database.connect(server, MAINTENANCE)) as session:
        words = session.execute("select word from pg_catalog.pg_get_keywords() order by 1")
        for word in [str(row["word"]) for row in words]:
            name = quoted(word)
            session.execute(
                f"create temporary table t ({name} int);"
                f" select {name} from t where {name} = 1 order by {name}; drop table t".encode()
            )


def test_what_is_plain_has_no_quotes() -> None:
    assert [quoted(word) for word in ("id", "email", "full_name", "name", "created_at")] == [
        "id",
        "email",
        "full_name",
        "name",
        "created_at",
    ]
    assert quoted("Users") == '"Users"'
    assert quoted('so "called"') == '"so ""called"""'


@pytest.mark.parametrize("text", ["it's", "", "\\", "$$", "%s"])
def test_a_text_comes_back_as_it_was(server: Server, text: str) -> None:
    with closing(database.connect(server, MAINTENANCE)) as session:
        (row,) = session.execute(f"select {literal(text)} as text".encode()).fetchall()
    assert row["text"] == text
