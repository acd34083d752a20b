"""What a case draws depends on its key alone, and nobody is drawn twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from uuid import UUID

import pytest

from pytest_usersync.auth.source import Source
from pytest_usersync.checks import registry
from pytest_usersync.model import chance
from pytest_usersync.model.chance import Chance, fresh_number, fresh_uuid, place_of, using
from pytest_usersync.scenarios.signups import somebody

PRINT = """
from pytest_usersync.auth.source import Source
from pytest_usersync.model.chance import Chance, fresh_uuid, using
with using(Chance("0 US104 phone")):
    print(fresh_uuid(), Source().id(), Source().token())
"""


def drawn(key: str) -> list[object]:
    with using(Chance(key)):
        source = Source()
        return [fresh_uuid(), source.id(), source.otp(), source.password_hash("x"), Source().id()]


def test_a_key_decides_what_is_drawn() -> None:
    assert drawn("0 US104 phone") == drawn("0 US104 phone")
    for other in ("1 US104 phone", "0 US105 phone", "0 US104 web3"):
        assert not {*drawn("0 US104 phone")} & {*drawn(other)}


def test_every_process_draws_the_same() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", PRINT], check=True, capture_output=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != b""


def test_two_sources_of_one_case_are_two() -> None:
    with using(Chance("x")):
        assert Source().id() != Source().id()


def test_ids_are_of_version_4() -> None:
    with using(Chance("x")):
        assert (fresh_uuid().version, Source().id().version) == (4, 4)


def test_outside_of_a_case_nothing_can_be_foreseen() -> None:
    first, second = fresh_uuid(), Source().id()
    assert isinstance(first, UUID)
    assert not chance.drawn()
    command = [sys.executable, "-c", "from pytest_usersync.auth.source import Source as S;"]
    command[-1] += "print(S().id(), S().token())"
    runs = [subprocess.run(command, check=True, capture_output=True) for _ in range(2)]
    assert runs[0].stdout != runs[1].stdout
    assert first != second


def test_a_chance_ends_with_its_case_whatever_happens() -> None:
    with using(Chance("outer")) as outer:
        with pytest.raises(KeyError), using(Chance("inner")):
            raise KeyError
        assert fresh_uuid() != outer.uuid()
        assert chance.drawn()
    assert not chance.drawn()


def test_threads_draw_from_the_chance_of_the_case() -> None:
    found: list[bool] = []
    with using(Chance("x")):
        thread = threading.Thread(target=lambda: found.append(chance.drawn()))
        thread.start()
        thread.join()
    assert found == [True]


def test_no_two_cases_have_a_person_with_the_same_number() -> None:
    cases = [(one.code, k) for one in registry.every() for k in range(max(1, len(one.cases)))]
    numbers: list[int] = [number for code, k in cases for number in numbers_of(code, k, 200)]
    assert len({*numbers}) == len(numbers)
    assert min(numbers) > 1_000


def test_people_outside_of_cases_are_nobody_of_a_case() -> None:
    numbers = [fresh_number() for _ in range(3)]
    assert numbers == sorted({*numbers})
    assert max(numbers) < min(numbers_of("US101", 0, 200))


def test_a_person_is_made_of_the_number() -> None:
    with using(Chance("x", place_of("US104", 2))):
        person = somebody({"name": "Ada {n}"})
    (number,) = numbers_of("US104", 2, 1)
    assert person.email == f"ada.{number}@example.com"
    assert person.phone == f"1555{number:07d}"
    assert person.data == {"name": f"Ada {number}"}


def numbers_of(code: str, case: int, many: int) -> list[int]:
    one = Chance("x", place_of(code, case))
    return [one.number() for _ in range(many)]
