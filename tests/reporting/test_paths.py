"""Paths as they are shown: from where the user stands in a terminal, from the repository else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_usersync.model.finding import Location
from pytest_usersync.reporting.paths import Paths

SQL = "supabase/migrations/1_sync.sql"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with an app in a folder of it."""
    folder = tmp_path / "shop"
    (folder / ".git").mkdir(parents=True)
    file = folder / "apps" / "web" / SQL
    file.parent.mkdir(parents=True)
    file.write_text("select 1;\n")
    return folder


@pytest.mark.parametrize(
    ("stand", "shown"),
    [
        ("apps/web", SQL),
        (".", f"apps/web/{SQL}"),
        ("apps/web/supabase/migrations", "1_sync.sql"),
        ("apps/api", f"../web/{SQL}"),
    ],
)
def test_a_path_starts_where_the_user_stands(repository: Path, stand: str, shown: str) -> None:
    paths = Paths(repository / "apps/web", repository / stand)

    assert paths.show(SQL) == shown
    assert paths.link(Location(SQL, 7)) == f"{shown}:7"


def test_what_is_shown_can_be_opened_from_there(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = repository / "apps" / "api"
    stand.mkdir()
    monkeypatch.chdir(stand)

    assert Path(Paths(repository / "apps/web", stand).show(SQL)).read_text() == "select 1;\n"


def test_a_path_far_outside_is_shown_absolute(repository: Path) -> None:
    paths = Paths(repository, repository / "apps/web")

    assert paths.show("/sql/1.sql") == "/sql/1.sql"


def test_letters_of_a_path_keep_their_case(repository: Path) -> None:
    paths = Paths(repository, repository)

    assert paths.show("Supabase/migrations/a_B.sql") == "Supabase/migrations/a_B.sql"
    assert paths.in_repository("supabase/Migrations/b.SQL") == "supabase/Migrations/b.SQL"


def test_nothing_in_a_path_moves_the_cursor(repository: Path) -> None:
    link = Paths(repository, repository).link(Location("a\x1b[2J\n.sql", 1))

    assert link == r"a\x1b[2J\n.sql:1"


@pytest.mark.parametrize("stand", ["apps/web", ".", "apps/api"])
def test_a_document_starts_at_the_repository_wherever_the_user_stands(
    repository: Path, stand: str
) -> None:
    paths = Paths(repository / "apps/web", repository / stand)

    assert paths.in_repository(SQL) == f"apps/web/{SQL}"


def test_a_worktree_is_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")

    assert Paths(tmp_path / "app", tmp_path).in_repository("1.sql") == "app/1.sql"


def test_without_a_repository_a_document_starts_at_the_root(tmp_path: Path) -> None:
    if Paths(tmp_path, tmp_path).repository != tmp_path.resolve():
        pytest.skip("the folder of temporary files is part of a repository")

    assert Paths(tmp_path, tmp_path / "sub").in_repository(SQL) == SQL


def test_a_document_names_a_file_outside_by_the_way_to_it(repository: Path) -> None:
    beside = repository.parent / "database" / "1.sql"

    assert Paths(repository, repository).in_repository(beside) == "../database/1.sql"


def test_a_document_names_the_file_behind_a_symlink(repository: Path) -> None:
    (repository / "database").symlink_to(repository / "apps/web/supabase/migrations")
    linked = repository.parent / "linked"
    linked.symlink_to(repository)

    assert Paths(repository, repository).in_repository("database/1_sync.sql") == f"apps/web/{SQL}"
    assert Paths(linked, linked).in_repository(f"apps/web/{SQL}") == f"apps/web/{SQL}"


def test_a_symlink_out_of_the_repository_stays_for_others_lack_what_is_behind_it(
    repository: Path,
) -> None:
    outside = repository.parent / "outside"
    outside.mkdir()
    (outside / "1.sql").touch()
    (repository / "sql").symlink_to(outside)
    (repository / "one.sql").symlink_to(outside / "1.sql")
    linked = repository.parent / "linked"
    linked.symlink_to(repository)

    for root in (repository, linked):
        assert Paths(root, root).in_repository("sql/1.sql") == "sql/1.sql"
        assert Paths(root, root).in_repository("one.sql") == "one.sql"


def test_a_sentence_names_files_as_they_are_shown(repository: Path) -> None:
    paths = Paths(repository / "apps/web", repository)
    told = f"{SQL}:6 stops, {SQL}.orig and my{SQL} do not. See {SQL}."
    wanted = f"apps/web/{SQL}:6 stops, {SQL}.orig and my{SQL} do not. See apps/web/{SQL}."

    assert paths.retell(told, [SQL, "gone.sql"]) == wanted
    assert paths.retell(told, [SQL], document=True) == wanted
    assert Paths(repository / "apps/web", repository / "apps/web").retell(told, [SQL]) == told
