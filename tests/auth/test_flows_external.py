"""Signing in with what somebody else vouches for: each recorded flow beside the simulated one.

The name of a test is the name of its flow in ``facts/auth_flows.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from pytest_usersync.auth import SupabaseAuth, User

Auth = Callable[..., SupabaseAuth]
Conforms = Callable[..., None]


CORPORATE = {
    "1": "https://idp1.example.com/d30f7c",
    "2": "https://idp2.example.com/8da06c",
}


def corporate(auth: Auth, number: str, email: str) -> Callable[[], object]:
    """Return a sign-in at one of two identity providers, always as the same person."""
    return lambda: auth().sign_in_with_sso(
        email,
        provider=UUID(f"00000000-0000-4000-8000-00000000000{number}"),
        entity_id=CORPORATE[number],
        subject="u-1",
        attributes={"department": "Sales"},
    )


def octo(auth: Auth) -> User:
    return auth().sign_in_with_oauth(
        "github",
        email="Octo@Example.com",
        name="Octo Cat",
        subject="4242",
        username="octo",
        avatar_url="https://a/x.png",
    )


def test_oauth_github_first_signin_verified(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: octo(auth))


def test_oauth_github_second_signin(auth: Auth, conforms: Conforms) -> None:
    octo(auth)
    conforms(lambda: octo(auth))


def test_oauth_github_first_signin_unverified(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().sign_in_with_oauth(
            "github",
            email="nov@example.com",
            verified=False,
            subject="4243",
            username="nov",
            avatar_url="https://a/y.png",
        )
    )


def test_oauth_github_first_signin_unverified_autoconfirm(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth(mailer_autoconfirm=True).sign_in_with_oauth(
            "github",
            email="nov2@example.com",
            verified=False,
            name="Nov Two",
            subject="4244",
            username="nov2",
            avatar_url="https://a/z.png",
        )
    )


def test_oauth_github_no_email(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_in_with_oauth("github", email=None, subject="4245"))


def test_oauth_github_no_email_optional(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth(email_optional=True).sign_in_with_oauth(
            "github",
            email=None,
            name="No Mail",
            subject="4245",
            username="noemail",
            avatar_url="https://a/z.png",
        )
    )


def test_oauth_github_auto_link_confirmed(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_up("link@example.com", data={"full_name": "Link L", "keep": "me"})
    assert user.confirmation
    auth().verify("signup", token_hash=user.confirmation.hash)
    conforms(
        lambda: auth().sign_in_with_oauth(
            "github",
            email="link@example.com",
            name="Linky",
            subject="4246",
            username="linky",
            avatar_url="https://a/l.png",
        )
    )


def test_oauth_github_auto_link_unconfirmed(auth: Auth, conforms: Conforms) -> None:
    auth().sign_up("pre@example.com", data={"full_name": "Attacker", "evil": True})
    conforms(
        lambda: auth().sign_in_with_oauth(
            "github",
            email="pre@example.com",
            name="Real Pre",
            subject="4247",
            username="pre",
            avatar_url="https://a/p.png",
        )
    )


def test_oauth_google_first_signin(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().sign_in_with_oauth(
            "google",
            email="Goo.Gle@Gmail.com",
            name="Goo Gle",
            subject="1077",
            avatar_url="https://lh3/p.jpg",
            custom_claims={"hd": "corp.example"},
        )
    )


def test_idtoken_google_first_signin(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().sign_in_with_id_token(
            "google",
            email="goo2@gmail.com",
            name="Goo Two",
            subject="1078",
            avatar_url="https://lh3/p2.jpg",
        )
    )


def test_oauth_apple_first_signin(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().sign_in_with_oauth(
            "apple",
            email="x7k@privaterelay.appleid.com",
            subject="000123.abc.0456",
            custom_claims={"auth_time": 1795261199, "is_private_email": True},
        )
    )


def test_web3_solana_first_signin(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().sign_in_with_web3(
            address="GLixRnGRYz9vA5az4sSgYETMxmSbyBdZ64KPwJi5UMFR", statement="Hello"
        )
    )


def test_saml_first_signin(auth: Auth, conforms: Conforms) -> None:
    auth().admin.create_user(email="sso2a94@corp.example", email_confirm=True)
    conforms(corporate(auth, "1", "SSO2A94@CORP.EXAMPLE"))


def test_saml_second_idp_same_email(auth: Auth, conforms: Conforms) -> None:
    corporate(auth, "1", "SSO2A94@CORP.EXAMPLE")()
    conforms(corporate(auth, "2", "sso2a94@corp.example"))


def test_saml_signin_again(auth: Auth, conforms: Conforms) -> None:
    corporate(auth, "1", "SSO2A94@CORP.EXAMPLE")()
    conforms(corporate(auth, "1", "SSO2A94@CORP.EXAMPLE"))


def test_oauth_apple_first_signin_with_name(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().sign_in_with_oauth(
            "apple",
            email="real.apple@icloud.com",
            name="App Le",
            subject="000999.abc.0456",
            custom_claims={"auth_time": 1795261618},
        )
    )
