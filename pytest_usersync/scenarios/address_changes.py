"""Another address or number, identities that bring and take them, guests who become users."""

from __future__ import annotations

from dataclasses import replace

from .actions import (
    change_email,
    change_phone,
    done,
    link,
    link_unverified,
    link_without_email,
    new_email,
    new_phone,
    share_email,
    sign_in_with_github,
)
from .acts import Unlink
from .change import CONFIRMATION, EMAIL, PHONE, Change
from .signups import AUTOCONFIRMING, CONFIRMING

ONE_LINK = replace(CONFIRMING, secure_email_change=False)
NO_EMAIL = replace(CONFIRMING, email_optional=True)


ADDRESSES = (
    Change(
        "email-change",
        "an email change (confirmed from both emails)",
        "email-autoconfirm",
        change_email,
        moves=EMAIL,
    ),
    Change(
        "email-change-one-link",
        "an email change (confirmed from the new email)",
        "email-autoconfirm",
        change_email,
        ONE_LINK,
        moves=EMAIL,
    ),
    Change(
        "email-change-by-admin",
        "an email change by an admin",
        "email-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, email=new_email(user)),
        moves=EMAIL,
    ),
    Change(
        "email-change-shared",
        "an email change to the email of an SSO user",
        "email-autoconfirm",
        change_email,
        before=share_email,
        moves=EMAIL,
    ),
    Change(
        "email-change-requested",
        "an email change (not confirmed)",
        "email-autoconfirm",
        lambda auth, user: auth.update_user(user, email=new_email(user)),
    ),
    Change(
        "email-added",
        "adding an email to a phone user",
        "phone-autoconfirm",
        change_email,
        moves=EMAIL | CONFIRMATION,
    ),
    Change(
        "phone-change",
        "a phone change",
        "phone-autoconfirm",
        change_phone,
        moves=PHONE,
        emailless=True,
    ),
    Change(
        "phone-added",
        "adding a phone number",
        "email-autoconfirm",
        change_phone,
        moves=PHONE | CONFIRMATION,
    ),
    Change(
        "phone-change-by-admin",
        "a phone change by an admin",
        "phone-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, phone=new_phone(user)),
        moves=PHONE,
        emailless=True,
    ),
    Change(
        "phone-change-requested",
        "a phone change (not confirmed)",
        "phone-autoconfirm",
        lambda auth, user: auth.update_user(user, phone=new_phone(user)),
        emailless=True,
    ),
)

IDENTITIES = (
    Change("link", "linking a GitHub identity", "email-autoconfirm", link),
    # Confirms an address that it does not write: the phone identity has none either.
    Change(
        "link-phone",
        "linking a GitHub identity to a phone user",
        "phone-autoconfirm",
        link,
        moves=CONFIRMATION,
        emailless=True,
    ),
    Change(
        "link-by-sign-in",
        "a sign-in with GitHub with the email of a password user",
        "email-autoconfirm",
        sign_in_with_github,
    ),
    Change(
        "unlink",
        "unlinking the email identity (another email at GitHub)",
        "email-autoconfirm",
        done(Unlink("email")),
        before=link,
        moves=EMAIL,
    ),
    Change(
        "unlink-to-unverified",
        "unlinking the email identity (unverified email at GitHub)",
        "email-autoconfirm",
        done(Unlink("email")),
        before=link_unverified,
        moves=EMAIL | CONFIRMATION,
    ),
    Change(
        "unlink-to-none",
        "unlinking the email identity (no email at GitHub)",
        "email-autoconfirm",
        done(Unlink("email")),
        NO_EMAIL,
        before=link_without_email,
        moves=EMAIL | CONFIRMATION,
        emailless=True,
    ),
    Change(
        "unlink-phone",
        "unlinking the phone number",
        "email-autoconfirm",
        done(Unlink("phone")),
        before=change_phone,
        moves=PHONE | CONFIRMATION,
    ),
)

UPGRADES = (
    Change(
        "upgrade-by-email",
        "an anonymous user's upgrade by email",
        "anonymous",
        change_email,
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    Change(
        "upgrade-by-email-autoconfirm",
        "an anonymous user's upgrade by email (no confirmation required)",
        "anonymous",
        change_email,
        AUTOCONFIRMING,
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    Change(
        "upgrade-by-phone",
        "an anonymous user's upgrade by phone",
        "anonymous",
        change_phone,
        moves=PHONE | CONFIRMATION,
        upgrades=True,
        emailless=True,
    ),
    Change(
        "upgrade-by-identity",
        "an anonymous user's upgrade by a GitHub identity",
        "anonymous",
        link,
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    Change(
        "upgrade-by-admin",
        "an anonymous user's upgrade by an admin",
        "anonymous",
        lambda auth, user: auth.admin.update_user(user, email=new_email(user), email_confirm=True),
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
)
