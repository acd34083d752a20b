"""Acts that happen to a user after the signup, one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime

from ..auth import Json, SupabaseAuth, User
from ..auth.request_values import email_address, phone_number
from ..auth.verify import Verification


@dataclass(frozen=True, slots=True, repr=False)
class Act(ABC):
    """Something that happens to a user; its repr is the code that makes it."""

    def __repr__(self) -> str:
        given = ", ".join(repr(getattr(self, each.name)) for each in fields(self))
        return f"{type(self).__name__}({given})"

    def applies(self, user: User) -> bool:
        """Tell whether the server would let it happen to a user who is alone in the database."""
        return user.deleted_at is None and not _banned(user)

    def act(self, auth: SupabaseAuth, user: User) -> User | None:
        """Do it; return the user as they are then, None when they are gone. Raises AuthError."""
        now: User | None = user
        for now in self.requests(auth, user):
            if now is None:
                return None
        return now and replace(now, session=now.session or user.session)

    @abstractmethod
    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User | None]:
        """Do it one request after the other, with the user as they are after each."""


class Confirm(Act):
    """Follow the link, or type in the code, that the signup sent."""

    __slots__ = ()

    def applies(self, user: User) -> bool:
        """Tell whether something was sent and not used yet.

        A number that was changed ends what was sent before it; the column still has it.
        """
        sent = user.confirmation is not None and not user.is_sso_user
        return super().applies(user) and sent and user.phone_confirmed_at is None

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Verify what was sent."""
        yield _verified(auth, user)


class SignIn(Act):
    """Sign in by magic link or text message."""

    __slots__ = ()

    def applies(self, user: User) -> bool:
        """Tell whether there is an address or a number to send to."""
        return (
            super().applies(user)
            and not user.is_sso_user
            and (user.email is not None or user.phone is not None)
        )

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Ask for the link or the code, and use it."""
        if user.email:
            sent = auth.sign_in_with_otp(email=user.email)
        else:
            sent = auth.sign_in_with_otp(phone=user.phone)
        yield sent
        yield _verified(auth, sent)


class Refresh(Act):
    """Exchange the refresh token of the last sign-in, as clients do every hour."""

    __slots__ = ()

    def applies(self, user: User) -> bool:
        """Tell whether the user is signed in."""
        return super().applies(user) and user.session is not None

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Refresh the session."""
        assert user.session
        yield auth.refresh_session(user.session.refresh_token)


@dataclass(frozen=True, slots=True, repr=False)
class ChangeEmail(Act):
    """Change the address, and confirm it from every mailbox that the server asks."""

    email: str

    def applies(self, user: User) -> bool:
        """Tell whether the address is a new one, and the user's own to change."""
        new = email_address(self.email) != user.email
        return super(ChangeEmail, self).applies(user) and new and not user.is_sso_user

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Ask for the change, and follow the links."""
        user = auth.update_user(user, email=self.email)
        yield user
        tokens = (user.email_change_current, user.email_change_new)
        for token in tokens if user.new_email else ():
            if token and user.new_email:
                user = auth.verify("email_change", token_hash=token.hash)
                yield user


@dataclass(frozen=True, slots=True, repr=False)
class ChangePhone(Act):
    """Change the number, and type in the code that was sent to it."""

    phone: str

    def applies(self, user: User) -> bool:
        """Tell whether the number is a new one, and the user's own to change."""
        new = phone_number(self.phone) != user.phone
        return super(ChangePhone, self).applies(user) and new and not user.is_sso_user

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Ask for the change, and confirm it if it waits for that."""
        user = auth.update_user(user, phone=self.phone)
        yield user
        if user.phone_change:
            yield auth.verify("phone_change", phone=self.phone, token=user.phone_change.otp)


@dataclass(frozen=True, slots=True, repr=False)
class ChangeMetadata(Act):
    """Change the metadata; a None removes its key."""

    data: Mapping[str, Json] = field(hash=False)

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Update the user."""
        yield auth.update_user(user, data=self.data)


@dataclass(frozen=True, slots=True, repr=False)
class Link(Act):
    """Link an identity of ``github``, ``google`` or ``apple``."""

    provider: str
    email: str

    def applies(self, user: User) -> bool:
        """Tell whether the user has none of this provider yet."""
        new = self.provider not in providers_of(user)
        return super(Link, self).applies(user) and new and not user.is_sso_user

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Go to the provider and come back."""
        yield auth.link_identity(user, self.provider, email=self.email)


@dataclass(frozen=True, slots=True, repr=False)
class Unlink(Act):
    """Unlink the identity of a provider, which may change or take away the address."""

    provider: str

    def applies(self, user: User) -> bool:
        """Tell whether the user has it, and another one."""
        known = providers_of(user)
        return super(Unlink, self).applies(user) and self.provider in known and len(known) > 1

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Unlink it."""
        yield auth.unlink_identity(user, self.provider)


class Ban(Act):
    """Ban the user."""

    __slots__ = ()

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Ban them for a hundred years."""
        yield auth.admin.ban(user)


class Unban(Act):
    """Lift the ban."""

    __slots__ = ()

    def applies(self, user: User) -> bool:
        """Tell whether the user is banned."""
        return user.deleted_at is None and _banned(user)

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Lift it."""
        yield auth.admin.unban(user)


class SoftDelete(Act):
    """Delete the user softly: the row stays, what is personal in it goes."""

    __slots__ = ()

    def applies(self, user: User) -> bool:
        """Tell whether it has not happened yet."""
        return user.deleted_at is None

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[User]:
        """Delete them."""
        auth.admin.delete_user(user, soft=True)
        yield replace(user, deleted_at=datetime.now(UTC), app_metadata={}, session=None)


class HardDelete(Act):
    """Delete the user."""

    __slots__ = ()

    def applies(self, user: User) -> bool:
        """Tell that everybody can be deleted, the banned and the softly deleted too."""
        return bool(user.id)

    def requests(self, auth: SupabaseAuth, user: User) -> Iterator[None]:
        """Delete them."""
        auth.admin.delete_user(user)
        yield None


def providers_of(user: User) -> list[str]:
    """Return the providers of the user's identities, as the app metadata names them."""
    found = user.app_metadata.get("providers")
    return [str(each) for each in found] if isinstance(found, list) else []


def _verified(auth: SupabaseAuth, user: User) -> User:
    """Use what was sent last: the link by its hash, the code of a text message as typed in."""
    token = user.recovery or user.confirmation
    assert token
    if user.email is None:
        return auth.verify("sms", phone=user.phone, token=token.otp)
    kind: Verification = "magiclink" if user.recovery else "invite" if user.invited_at else "signup"
    return auth.verify(kind, token_hash=token.hash)


def _banned(user: User) -> bool:
    return user.banned_until is not None and user.banned_until > datetime.now(UTC)
