"""Signups of every kind, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..auth import AuthSettings, Json
from ..model.errors import UserSyncError
from ..scenarios.signup_kinds import KINDS, SignupKind
from .new_user import NewUser
from .values import PROVIDERS, build, emails, metadata, phones, texts

# What a provider tells, and which of them tell it.
_TOLD: dict[str, tuple[str, ...]] = {
    "github": ("name", "username", "avatar_url"),
    "google": ("name", "avatar_url"),
    "apple": ("name",),
}


def signups(
    *,
    kinds: Collection[str] | None = None,
    providers: Collection[str] | None = None,
    settings: AuthSettings | None = None,
    keys: Collection[str] = (),
) -> SearchStrategy[NewUser]:
    """Return new users, each of whom the real server would let in: ``new_user.act(auth)``.

    Args:
        kinds: only these ways to sign up, such as ``("email", "phone")``.
        providers: only with these, such as ``("google", "apple")``.
        settings: only ways that a server with these settings offers; else each way under the
            settings that it needs.
        keys: the metadata keys that the trigger reads, as in ``metadata()``.

    Raises:
        UserSyncError: no way to sign up is left, or a name is unknown.
    """
    names = chosen(kinds, providers, settings)
    return st.one_of([_newcomers(name, tuple(keys)) for name in names])


def chosen(
    kinds: Collection[str] | None,
    providers: Collection[str] | None,
    settings: AuthSettings | None,
) -> list[str]:
    """Return the names of the kinds that are asked for; raises UserSyncError when none is left."""
    _expect_known("signup", kinds, KINDS)
    _expect_known("provider", providers, PROVIDERS)
    found = [
        name
        for name, kind in KINDS.items()
        if (kinds is None or name in kinds)
        and (providers is None or kind.provider in providers)
        and (settings is None or kind.fits(settings))
    ]
    if not found:
        raise UserSyncError(
            "No kind of signup is left. Allow more kinds or providers, or change the settings."
        )
    return found


def _expect_known(what: str, given: Collection[str] | None, known: Collection[str]) -> None:
    for name in given or ():
        if name not in known:
            raise UserSyncError(f"{name!r} is not a {what}. Use one of {', '.join(known)}.")


@cache
def _newcomers(name: str, keys: tuple[str, ...]) -> SearchStrategy[NewUser]:
    kind = KINDS[name]
    return build(
        NewUser,
        st.just(name),
        emails() if kind.email else st.none(),
        phones() if kind.phone else st.none(),
        _data(kind, keys),
    )


def _data(kind: SignupKind, keys: Collection[str]) -> SearchStrategy[Mapping[str, Json]]:
    if kind.data == "profile":
        return _profiles(kind.provider)
    if kind.data == "metadata":
        return build(_without_false_email if kind.phone else dict, metadata(keys))
    return st.just({})


def _profiles(provider: str) -> SearchStrategy[Mapping[str, Json]]:
    told = texts().filter(bool)
    return st.fixed_dictionaries({}, optional=dict.fromkeys(_TOLD[provider], told))


def _without_false_email(data: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out what is no text under ``email``: the server panics where no address overrules it.

    A phone signup copies the metadata into the identity, whose email the server takes for a text.
    """
    return {k: v for k, v in data.items() if k != "email" or isinstance(v, str)}
