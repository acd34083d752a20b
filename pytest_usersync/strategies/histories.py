"""Histories of users: a signup, and what happens to the user afterwards."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..auth import AuthSettings, SupabaseAuth, User
from ..scenarios import acts
from ..scenarios.acts import Act
from .new_user import NewUser, Printer
from .signups import signups
from .values import build, emails, metadata, phones

LINKABLE = ("github", "google", "apple")


@dataclass(frozen=True, slots=True)
class History:
    """One user's life.

    Args:
        new_user: how they sign up.
        acts: what then happens, in this order.
    """

    new_user: NewUser
    acts: tuple[Act, ...] = ()

    def __repr__(self) -> str:
        return f"History({self.new_user!r}, {self.acts!r})"

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:  # noqa: FBT001
        printer.text("History(...)" if cycle else repr(self))

    def act(self, auth: SupabaseAuth) -> User | None:
        """Live it; return the user at its end, None when they were deleted. Raises AuthError.

        What the server would not let happen to the user as they are then, such as a sign-in of
        somebody banned, is left out.
        """
        user: User | None = self.new_user.act(auth)
        for act in self.acts:
            if user is not None and act.applies(user):
                user = act.act(auth, user)
        return user


def histories(
    *,
    kinds: Collection[str] | None = None,
    providers: Collection[str] | None = None,
    settings: AuthSettings | None = None,
    keys: Collection[str] = (),
    max_size: int = 8,
) -> SearchStrategy[History]:
    """Return lives of one user: ``history.act(auth)``.

    Args:
        kinds: as in ``signups()``, as are ``providers``, ``settings`` and ``keys``.
        max_size: how many acts may follow the signup.
    """
    new_users = signups(kinds=kinds, providers=providers, settings=settings, keys=keys)
    closed = settings is not None and settings.disable_signup
    later = st.lists(events(keys, closed=closed), max_size=max_size)
    return build(lambda new_user, acts: History(new_user, tuple(acts)), new_users, later)


def events(keys: Collection[str] = (), *, closed: bool = False) -> SearchStrategy[Act]:
    """Return single acts, from the harmless to the final.

    Args:
        keys: as in ``metadata()``.
        closed: whether signups are; the server then sends no link to who is not confirmed yet.
    """
    return st.one_of(
        st.builds(acts.Confirm),
        st.builds(acts.Refresh if closed else acts.SignIn),
        st.builds(acts.Refresh),
        st.builds(acts.ChangeEmail, emails()),
        st.builds(acts.ChangePhone, phones()),
        st.builds(acts.ChangeMetadata, metadata(keys)),
        st.builds(acts.Link, st.sampled_from(LINKABLE), emails()),
        st.builds(acts.Unlink, st.sampled_from(("email", "phone", *LINKABLE))),
        st.builds(acts.Ban),
        st.builds(acts.Unban),
        st.builds(acts.SoftDelete),
        st.builds(acts.HardDelete),
    )
