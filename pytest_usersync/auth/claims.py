"""Claims of identity providers about a user, as the server passes them on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict
from uuid import NAMESPACE_DNS, UUID, uuid5

from .errors import invalid
from .request_values import Json, decoded
from .rows import Metadata
from .source import Source


@dataclass(frozen=True, slots=True)
class Claims:
    """An identity as its provider describes it.

    Args:
        provider: ``github``, ``google``, ``apple``, ``web3`` or ``sso:<uuid>``.
        subject: the user's id there.
        email: their address, spelled as the provider spells it; None if it is not told.
        verified: whether the provider vouches for it.
        profile: whatever else is told; what is empty is left out.
    """

    provider: str
    subject: str
    email: str | None
    verified: bool = field(kw_only=True)
    profile: Mapping[str, Json] = field(default_factory=dict)

    def metadata(self) -> Metadata:
        """Return a fresh object with the claims, as it goes into the user's metadata."""
        told: Metadata = {**self.profile, "sub": self.subject, "email": self.email}
        kept: Metadata = {key: decoded(value) for key, value in told.items() if value}
        return kept | {"email_verified": self.verified, "phone_verified": False}


class Profile(TypedDict, total=False):
    """What an OAuth provider may tell beyond the address.

    ``subject`` is the user's id there; it follows from the address if left out. ``username`` is
    told by GitHub alone, ``avatar_url`` not by Apple.
    """

    subject: str
    name: str
    username: str
    avatar_url: str
    custom_claims: Mapping[str, Json]


def oauth(
    source: Source, provider: str, *, email: str | None, verified: bool, profile: Profile
) -> Claims:
    """Return what the OAuth provider tells; raises AuthError for one we do not know.

    The subject follows from the address; without an address it is new each time.
    """
    # Drawn even if there is an address, so that what is drawn next does not depend on it.
    seed = str(source.id())
    subject = profile.get("subject") or digits(f"{provider}:{(email or seed).lower()}")
    name, avatar_url = profile.get("name"), profile.get("avatar_url")
    told: Metadata = {"provider_id": subject, "name": name, "full_name": name}
    told["custom_claims"] = dict(profile.get("custom_claims", {}))
    if provider == "github":
        username = profile.get("username") or (email or f"user{subject}").partition("@")[0].lower()
        told |= {"iss": "https://api.github.com", "avatar_url": avatar_url}
        told |= {"user_name": username, "preferred_username": username}
    elif provider == "google":
        told |= {"iss": "https://accounts.google.com", "avatar_url": avatar_url}
        told["picture"] = avatar_url
    elif provider == "apple":  # Apple vouches for every address, and for none at all.
        told["iss"] = "https://appleid.apple.com"
        verified, email = True, email or ""
    else:
        raise invalid(f"Unsupported provider: Provider {provider} could not be found")
    return Claims(provider, subject, email, verified=verified and email is not None, profile=told)


def saml(
    email: str,
    *,
    provider: UUID | None,
    entity_id: str | None,
    subject: str | None,
    attributes: Mapping[str, Json] | None,
) -> Claims:
    """Return what a SAML assertion says; by default each email domain has its own provider."""
    domain = email.rpartition("@")[2].lower()
    provider = provider or uuid5(NAMESPACE_DNS, domain)
    profile: Metadata = {"iss": entity_id or f"https://idp.{domain}/{provider}"}
    profile["custom_claims"] = dict(attributes or {})
    subject = subject or digits(email.lower())
    return Claims(f"sso:{provider}", subject, email, verified=True, profile=profile)


def wallet(chain: str, *, address: str, domain: str, network: str, statement: str) -> Claims:
    """Return what a signed wallet message proves."""
    signed: Metadata = {
        "address": address,
        "chain": chain,
        "network": network,
        "domain": domain,
        "statement": statement,
    }
    subject = f"web3:{chain}:{address}"
    return Claims("web3", subject, None, verified=False, profile={"custom_claims": signed})


def digits(text: str) -> str:
    """Return a number of eight digits that depends on the text alone."""
    return str(int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) % 90_000_000 + 10_000_000)
