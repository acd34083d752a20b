"""Drawn signups, on a real database: every one is let in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import example, find, given, settings
from hypothesis import strategies as st

from pytest_usersync.auth import AuthError, AuthSettings, SupabaseAuth
from pytest_usersync.model.errors import UserSyncError
from pytest_usersync.scenarios import acts
from pytest_usersync.scenarios.acts import ChangeEmail, ChangePhone, Confirm, HardDelete
from pytest_usersync.scenarios.signup_kinds import KINDS
from pytest_usersync.scenarios.signups import BY_NAME
from pytest_usersync.strategies import (
    History,
    NewUser,
    histories,
    providers,
    realistic_signups,
    signups,
)

Fresh = Callable[..., AbstractContextManager[SupabaseAuth]]

# The database does not answer in the time that Hypothesis allows a function.
on_a_database = settings(deadline=None)


@on_a_database
@given(new_user=signups(keys=("full_name", "email", "sub")))
def test_everybody_drawn_is_let_in(fresh_auth: Fresh, new_user: NewUser) -> None:
    with fresh_auth() as auth:
        user = new_user.act(auth)
        assert user.email == (new_user.email and new_user.email.lower())
        assert (user.phone is None) == (new_user.phone is None)


@on_a_database
@given(new_user=realistic_signups("de_DE") | realistic_signups("ja_JP", keys=("bio", "plan")))
def test_everybody_imagined_is_let_in(fresh_auth: Fresh, new_user: NewUser) -> None:
    with fresh_auth() as auth:
        assert new_user.act(auth).email == new_user.email


MOVED_ON = History(NewUser("phone", phone="15550000000"), (ChangePhone("15550000001"), Confirm()))


@on_a_database
@example(history=MOVED_ON)
@given(history=histories(keys=("full_name",)))
def test_every_life_can_be_lived(fresh_auth: Fresh, history: History) -> None:
    with fresh_auth() as auth:
        history.act(auth)


@on_a_database
@given(data=st.data())
def test_settings_leave_only_what_such_a_server_offers(
    fresh_auth: Fresh, data: st.DataObject
) -> None:
    given = AuthSettings(
        mailer_autoconfirm=data.draw(st.booleans()),
        sms_autoconfirm=data.draw(st.booleans()),
        disable_signup=data.draw(st.booleans()),
    )
    history = data.draw(histories(settings=given))
    with fresh_auth(given) as auth:
        history.act(auth)
        if history.new_user.kind in ("email", "phone"):
            assert not given.disable_signup


def test_every_kind_is_drawn() -> None:
    seen = set()

    @settings(max_examples=500, database=None)
    @given(new_user=signups())
    def look(new_user: NewUser) -> None:
        seen.add(new_user.kind)

    look()
    assert seen == {*KINDS}


def test_every_signup_that_a_finding_names_is_among_the_kinds() -> None:
    known = {name: each for name, each in BY_NAME.items() if name != "email-long"}
    assert {*known} <= {*KINDS}
    assert {name for name, each in known.items() if each.emailless} == {
        name for name in known if not KINDS[name].email
    }


@given(data=st.data())
def test_providers_choose_among_the_kinds(data: st.DataObject) -> None:
    provider = data.draw(providers())
    assert data.draw(signups(providers=[provider])).provider == provider
    assert data.draw(realistic_signups(providers=[provider])).provider == provider


@given(new_user=signups(kinds=["phone", "sms-code", "admin-phone"], keys=["email"]))
def test_no_number_comes_with_an_address_that_is_no_text(new_user: NewUser) -> None:
    assert isinstance(new_user.data.get("email", ""), str)


@given(new_user=signups(), history=histories())
def test_what_is_drawn_prints_as_code(new_user: NewUser, history: History) -> None:
    names = {**vars(acts), "NewUser": NewUser, "History": History}
    assert eval(repr(new_user), names) == new_user  # noqa: S307
    assert eval(repr(history), names) == history  # noqa: S307


@pytest.mark.parametrize("drawn", [signups(keys=["plan"]), histories(), realistic_signups()])
def test_a_failure_shows_what_was_drawn_as_it_is(drawn: st.SearchStrategy[object]) -> None:
    seen = []

    @settings(database=None, max_examples=5)
    @given(value=drawn)
    def failing(value: object) -> None:
        seen.append(value)
        pytest.fail("always", pytrace=False)

    with pytest.raises(pytest.fail.Exception) as told:
        failing()
    assert f"value={seen[-1]!r}," in "".join(told.value.__notes__)


def test_the_simplest_newcomer_prints_on_one_short_line() -> None:
    def simplest(kind: str) -> str:
        return repr(find(signups(), lambda new_user: new_user.kind == kind))

    assert simplest("web3") == "NewUser('web3')"
    assert simplest("phone") == "NewUser('phone', phone='15550000000')"
    assert simplest("email") == "NewUser('email', email='a@example.com')"


def test_the_same_seed_of_hypothesis_imagines_the_same_people() -> None:
    def wanted(new_user: NewUser) -> bool:
        return new_user.kind == "email" and len(str(new_user.data["full_name"])) > 12

    first = find(realistic_signups(), wanted)
    assert find(realistic_signups(), wanted) == first
    assert "@example." in str(first.email)


def test_a_life_goes_on_after_the_signup(fresh_auth: Fresh) -> None:
    ada = NewUser("email", email="ada@example.com", data={"full_name": "Ada"})
    with fresh_auth() as auth:
        user = History(ada, (Confirm(), ChangeEmail("Ada@example.org"), Confirm())).act(auth)
        assert user is not None
        assert (user.email, user.confirmed) == ("ada@example.org", True)
        assert user.session
        assert History(ada, (HardDelete(), Confirm())).act(auth) is None


def test_a_server_that_confirms_by_itself_is_set_up_for_one_signup_alone(
    fresh_auth: Fresh,
) -> None:
    with fresh_auth() as auth:
        first = NewUser("email-autoconfirm", email="a@example.com").act(auth)
        second = NewUser("email", email="b@example.com").act(auth)
        assert auth.settings == AuthSettings()
        assert "b@example.com" in auth.script
    assert (first.confirmed, second.confirmed) == (True, False)


def test_a_nul_character_is_refused_and_so_never_drawn(fresh_auth: Fresh) -> None:
    with fresh_auth() as auth, pytest.raises(AuthError) as told:
        NewUser("email", email="a@example.com", data={"name": "\0"}).act(auth)
    assert told.value.message == "Database error saving new user"


def test_all_refusals_look_the_same_to_hypothesis_whichever_write_noticed_them(
    fresh_auth: Fresh,
) -> None:
    places = set()
    for kind in ("email", "admin", "magic-link"):
        with fresh_auth() as auth, pytest.raises(AuthError) as told:
            NewUser(kind, email="a@example.com", data={"name": "\0"}).act(auth)
        assert told.value.__context__ is None
        places.add((told.traceback[-1].path, told.traceback[-1].lineno))
    assert len(places) == 1


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: NewUser("fax"), "'fax' is not a signup. Use one of email, "),
        (lambda: signups(kinds=["fax"]), "'fax' is not a signup. Use one of email, "),
        (lambda: signups(providers=["fax"]), "'fax' is not a provider. Use one of email, "),
        (lambda: signups(kinds=["email"], providers=["web3"]), "No kind of signup is left. "),
        (lambda: realistic_signups("xx_XX"), "Faker does not know the locale 'xx_XX'. "),
    ],
)
def test_what_cannot_be_drawn_is_said_at_once(ask: Callable[[], object], told: str) -> None:
    with pytest.raises(UserSyncError) as raised:
        ask()
    assert str(raised.value).startswith(told)
