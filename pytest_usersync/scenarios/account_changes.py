"""Other changes that users and admins make to an account."""

from __future__ import annotations

from .actions import change_metadata, done, recover
from .acts import SoftDelete
from .change import Change

OWN = (
    Change("metadata", "a change of the user metadata", "email-autoconfirm", change_metadata),
    Change(
        "app-metadata",
        "a change of the app metadata",
        "email-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, app_metadata={"plan": "pro"}),
    ),
    Change(
        "password",
        "a change of the password",
        "email-autoconfirm",
        lambda auth, user: auth.update_user(user, password="incorrect horse"),
    ),
    Change("recovery", "a password recovery", "email-autoconfirm", recover),
    Change(
        "reauthentication",
        "a request for a reauthentication code",
        "email-autoconfirm",
        lambda auth, user: auth.reauthenticate(user),
    ),
)

ADMINISTERED = (
    Change(
        "role",
        "a role change by an admin",
        "email-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, role="editor"),
    ),
    Change("ban", "a ban", "email-autoconfirm", lambda auth, user: auth.admin.ban(user)),
    Change(
        "unban",
        "the end of a ban",
        "email-autoconfirm",
        lambda auth, user: auth.admin.unban(user),
        before=lambda auth, user: auth.admin.ban(user),
    ),
    Change(
        "soft-delete",
        "a soft delete",
        "email-autoconfirm",
        done(SoftDelete()),
    ),
    Change(
        "soft-delete-phone",
        "a soft delete of a phone user",
        "phone-autoconfirm",
        done(SoftDelete()),
    ),
    Change(
        "soft-delete-anonymous",
        "a soft delete of an anonymous user",
        "anonymous",
        done(SoftDelete()),
    ),
)
