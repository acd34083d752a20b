"""The command ``usersync``: a run of pytest with one option, and short true words about itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync import console
from pytest_usersync.config.options import BY_NAME, OPTIONS

COMMANDS = ("check", "explain", "list", "show", "doctor", "walk", "pack")
# What a command says to pytest; the exit code is the run's.
SPY = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    known = vars(config.option).items()
    print({name: value for name, value in known if name.startswith("usersync") and value})
    print(config.option.keyword, config.args)
    return 7
"""
SYNC = """
create table public.profiles (id uuid primary key, email text not null);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs the command and returns its exit code and what it said."""

    def say(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = console.main(words)
        return code, *capsys.readouterr()

    return say


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("check", {"usersync": True}),
        ("explain US1 US204", {"usersync_explain": ["US1", "US204"]}),
        ("list", {"usersync_list": True}),
        ("show", {"usersync_show": True}),
        ("doctor", {"usersync_doctor": True}),
        ("walk", {"usersync_walk": True}),
        ("pack out", {"usersync_write_pack": "out"}),
    ],
)
def test_a_command_is_an_option(say: Say, words: str, options: dict[str, object]) -> None:
    Path("conftest.py").write_text(SPY, encoding="utf-8")
    assert say(*words.split()) == (7, f"{options}\n {[str(Path.cwd())]}\n", "")


def test_every_option_works_without_its_prefix_and_with_it(say: Say) -> None:
    Path("conftest.py").write_text(SPY, encoding="utf-8")
    words, seen = [], {"usersync": True}
    commands = ("", "explain", "list", "show", "doctor", "walk", "write-pack")
    for one in (one for one in OPTIONS if one.name not in commands):
        valued = one.kind != "flag"
        words += [f"--{one.name}", "conftest.py"] if valued else [f"--{one.name}"]
        seen |= {one.key: ["conftest.py"] if one.kind in {"paths", "words"} else "conftest.py"}
        seen |= {} if valued else {one.key: True}
    code, said, _ = say("check", *words, "-k", "phone", "conftest.py")
    assert (code, said) == (7, f"{seen}\nphone ['conftest.py']\n")
    spelt = [re.sub("^--", "--usersync-", word) for word in words]
    assert say("check", *spelt, "-k", "phone", "conftest.py")[1] == said


def test_a_project_that_is_named_is_the_root(say: Say) -> None:
    for name, folder in (("app", "app/supabase"), ("other", "other/tests")):
        Path(folder).mkdir(parents=True)
        told = "print(config.rootpath.name)"
        Path(name, "conftest.py").write_text(
            SPY.replace("print(config.option", f"{told}\n    print(config.option")
        )
    assert "\napp\n" in say("check", "app")[1]
    assert f"\n{Path.cwd().name}\n" in say("check", "app", "--rootdir=.")[1]
    assert f"\n{Path.cwd().name}\n" in say("check", "other")[1]


def test_it_lists_and_explains_as_pytest_does(say: Say, pytester: pytest.Pytester) -> None:
    listed = pytester.runpytest_inprocess("--usersync-list", "--usersync-select=US104")
    assert say("list", "--select", "us104") == (0, f"{listed.outlines[0]}\n", "")
    explained = pytester.runpytest_inprocess("--usersync-explain=US104").outlines
    assert say("explain", "null-email-blocked")[1].splitlines() == explained


@pytest.mark.parametrize("ini", ["", "[pytest]\naddopts = -p no:usersync -q --strict-markers\n"])
def test_a_run_ends_as_pytest_ends_it(
    pytester: pytest.Pytester, cache_home: Path, ini: str
) -> None:
    folder = pytester.mkdir("supabase") / "migrations"
    folder.mkdir()
    (folder / "20260101000000_profiles.sql").write_text(SYNC, encoding="utf-8")
    if ini:
        Path("pytest.ini").write_text(ini, encoding="utf-8")
    run = [sys.executable, "-m", "pytest_usersync", "check", "-pno:asyncio", "-pno:randomly"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache_home))
        for more, code in ((["--select", "US104", "-n2"], 1), (["--select=US103"], 0)):
            result = pytester.run(*run, *more)
            assert result.ret == code
            assert "Warning" not in result.stdout.str()


def test_what_goes_to_a_closed_pipe_is_no_error(pytester: pytest.Pytester) -> None:
    line = f"{sys.executable} -m pytest_usersync explain US | head -1"
    result = pytester.run("sh", "-c", line)
    assert len(result.outlines) == 1
    assert result.stderr.str() == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no command was given. See usersync --help."),
        ([""], "'' is not a command. Give check, explain, list, show, doctor, walk, pack. See"),
        (["chekc"], "'chekc' is not a command. Similar: check. See usersync --help."),
        (["--select", "US1"], "'--select' is not a command. "),
        (["a\nb\x1b[31m"], "is not a command. "),
        (["pack"], "pack needs DIR. See usersync pack --help."),
        (["pack", "--keep"], "pack needs DIR. "),
        (["explain"], "explain needs CODES. See usersync explain --help."),
    ],
)
def test_a_wrong_command_is_one_line(say: Say, words: list[str], told: str) -> None:
    code, out, err = say(*words)
    assert (code, out) == (pytest.ExitCode.USAGE_ERROR, "")
    assert err.startswith("usersync: ")
    assert told in err
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_a_wrong_value_is_pytests_line(say: Say) -> None:
    code, out, err = say("explain", "US1O4")
    assert (code, out) == (pytest.ExitCode.USAGE_ERROR, "")
    assert err.startswith("ERROR: 'US1O4' is neither a check nor a prefix of one. Similar: ")


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_is_short_and_true(say: Say, words: list[str]) -> None:
    code, text, _ = say(*words, "--help")
    assert code == pytest.ExitCode.OK
    assert say(*words, "-h")[1] == text
    lines = text.splitlines()
    assert lines[0].startswith(" ".join(["usage: usersync", *words]))
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    named = set(re.findall(r"--([a-z][a-z-]*[a-z])(?![a-z-])", text))
    of_pytest = {"help", "version", "usersync"}
    assert {one.removeprefix("usersync-") for one in named} - of_pytest <= set(BY_NAME)


def test_help_of_check_has_every_option(say: Say) -> None:
    text = say("check", "--help")[1]
    commands = {"", "explain", "list", "show", "doctor", "walk", "write-pack"}
    for one in (one for one in OPTIONS if one.name not in commands):
        assert re.search(rf"--{one.name}(={re.escape(one.metavar or '')})?[\s,.]", text)


def test_help_names_every_command(say: Say) -> None:
    assert re.findall(r"^  (\w+)", say("--help")[1], re.MULTILINE) == [*COMMANDS]


def test_two_names_are_not_pytests(pytester: pytest.Pytester) -> None:
    text = pytester.runpytest_inprocess("--help", "-pno:usersync", "-pno:asyncio").stdout.str()
    theirs = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", text))
    assert theirs & {one.name for one in OPTIONS} == {"ignore", "strict"}
