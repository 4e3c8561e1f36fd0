"""Access tokens of an external identity provider."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.gateway import settings
from services.gateway.principals import issuer as issuers
from services.gateway.principals.issuer import Issuer, IssuerSilent
from services.gateway.principals.service import Directory
from services.gateway.settings import ExternalIssuer
from shared.errors import Unauthenticated
from shared.settings import BadSettings
from tests.gateway.directory.brand import PASSWORD, Brand, ok
from tests.gateway.directory.provider import AUDIENCE, ISSUER, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The identity provider of a test."""
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def directory(brand: Brand, provider: Provider) -> Directory:
    """A directory that trusts the provider."""
    issuer = Issuer(ExternalIssuer(ISSUER, AUDIENCE, provider.url, None))
    return Directory(brand.database, brand.keyring, issuer)


def _headers(token: str, plane: str = "business") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **({"Partywall-Plane": plane} if plane else {})}


def test_a_verified_e_mail_finds_the_user(brand: Brand, provider: Provider, directory: Directory) -> None:
    user = brand.person()
    token = provider.token(email="Bea@Lumina.example", email_verified=True)
    principal = directory.authenticate(_headers(token, "clinical"))
    assert (str(principal.id), principal.plane, principal.session_id) == (user, "clinical", None)
    assert principal.organization_id == brand.id


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "PS256"])
def test_the_usual_asymmetric_algorithms_are_understood(
    brand: Brand, provider: Provider, directory: Directory, algorithm: str
) -> None:
    brand.person()
    provider.add(algorithm)
    token = provider.token(algorithm, email="bea@lumina.example", email_verified=True)
    assert directory.authenticate(_headers(token)).name == "Bea Buyer"


def test_an_unverified_or_unknown_e_mail_finds_nobody(brand: Brand, provider: Provider, directory: Directory) -> None:
    brand.person()
    for claims in (
        {"email": "bea@lumina.example"},
        {"email": "bea@lumina.example", "email_verified": False},
        {"email": "bea@lumina.example", "email_verified": "true"},
        {"email": "nobody@lumina.example", "email_verified": True},
        {"email": ["bea@lumina.example"], "email_verified": True},
        {},
    ):
        with pytest.raises(Unauthenticated):
            directory.authenticate(_headers(provider.token(**claims)))


def test_an_account_with_a_subject_is_found_by_that_subject_only(
    brand: Brand, provider: Provider, directory: Directory
) -> None:
    body = {"name": "Sam Subject", "email": "sam@lumina.example", "external_subject": "subject-1"}
    user = ok(brand.admin.post("/users", json=body), 201)["id"]
    assert str(directory.authenticate(_headers(provider.token())).id) == user
    other = provider.token(sub="subject-2", email="sam@lumina.example", email_verified=True)
    with pytest.raises(Unauthenticated):
        directory.authenticate(_headers(other))


def test_a_locked_user_stays_out_whoever_vouches_for_them(
    brand: Brand, provider: Provider, directory: Directory
) -> None:
    ok(brand.admin.post(f"/users/{brand.person()}/lock"))
    with pytest.raises(Unauthenticated):
        directory.authenticate(_headers(provider.token(email="bea@lumina.example", email_verified=True)))


def test_the_plane_is_said_by_a_header_or_a_claim(brand: Brand, provider: Provider, directory: Directory) -> None:
    brand.person()
    who: dict[str, Any] = {"email": "bea@lumina.example", "email_verified": True}
    assert directory.authenticate(_headers(provider.token(**who, plane="clinical"), "")).plane == "clinical"
    for plane in ("", "both"):
        with pytest.raises(Unauthenticated):
            directory.authenticate(_headers(provider.token(**who), plane))


def test_a_remembered_token_acts_on_the_plane_it_asks_for_each_time(
    brand: Brand, provider: Provider, directory: Directory
) -> None:
    brand.person()
    token = provider.token(email="bea@lumina.example", email_verified=True)
    planes = [directory.authenticate(_headers(token, plane)).plane for plane in ("business", "clinical", "business")]
    assert planes == ["business", "clinical", "business"]


def test_a_token_that_is_expired_early_foreign_or_unsigned_is_refused(
    brand: Brand, provider: Provider, directory: Directory
) -> None:
    brand.person()
    who: dict[str, Any] = {"email": "bea@lumina.example", "email_verified": True}
    at = 4_000_000_000
    stranger = Provider()
    tokens = [
        provider.token(**who, exp=1),
        provider.token(**who, exp=None),
        provider.token(**who, exp="soon"),
        provider.token(**who, nbf=at),
        provider.token(**who, iss="https://evil.example"),
        provider.token(**who, aud="another"),
        provider.token(**who, aud=None),
        provider.token(key=stranger.keys["RS256"], **who),
        provider.shared_secret_token(**who),
        provider.token(**who).rsplit(".", 1)[0] + ".",
        "eyJhbGciOiJub25lIiwia2lkIjoicnNhIn0." + provider.token(**who).split(".")[1] + ".",
    ]
    stranger.close()
    for token in tokens:
        with pytest.raises(Unauthenticated):
            directory.authenticate(_headers(token))
    assert directory.authenticate(_headers(provider.token(**who, aud=["other", AUDIENCE]))).name == "Bea Buyer"


def test_sessions_of_our_own_go_on_working_beside_the_provider(brand: Brand, directory: Directory) -> None:
    brand.grant(brand.person("Bea Buyer", PASSWORD), "auditor")
    token = ok(brand.sign_in("Bea"), 201)["access_token"]
    assert directory.authenticate(_headers(token, "")).plane == "business"


def test_keys_are_fetched_once_and_again_for_a_new_one_but_not_for_every_stranger(
    brand: Brand, provider: Provider, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand.person()
    who: dict[str, Any] = {"email": "bea@lumina.example", "email_verified": True}
    for number in range(3):
        directory.authenticate(_headers(provider.token(**who, jti=str(number))))
    assert provider.asked == 1
    stranger = Provider()
    stranger.add("ES256")
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            directory.authenticate(_headers(stranger.token("ES256", **who)))
    stranger.close()
    assert provider.asked == 1
    provider.add("ES256")
    monkeypatch.setattr(issuers, "RETRY_SECONDS", 0.0)
    assert directory.authenticate(_headers(provider.token("ES256", **who))).name == "Bea Buyer"
    assert provider.asked == 2


def test_known_keys_outlive_an_outage_of_the_provider(
    brand: Brand, provider: Provider, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand.person()
    who: dict[str, Any] = {"email": "bea@lumina.example", "email_verified": True}
    provider.status = 500
    with pytest.raises(IssuerSilent):
        directory.authenticate(_headers(provider.token(**who)))
    monkeypatch.setattr(issuers, "RETRY_SECONDS", 0.0)
    provider.status = 200
    directory.authenticate(_headers(provider.token(**who)))
    provider.status = 500
    monkeypatch.setattr(issuers, "KEEP_SECONDS", 0.0)
    assert directory.authenticate(_headers(provider.token(**who, jti="later"))).name == "Bea Buyer"
    assert provider.asked == 3


def test_keys_may_come_from_a_file(brand: Brand, provider: Provider, tmp_path: Path) -> None:
    brand.person()
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(provider.public))
    issuer = Issuer(ExternalIssuer(ISSUER, AUDIENCE, None, file))
    token = provider.token(email="bea@lumina.example", email_verified=True)
    assert Directory(brand.database, brand.keyring, issuer).authenticate(_headers(token)).name == "Bea Buyer"
    assert provider.asked == 0


@pytest.mark.parametrize(
    "values",
    [
        {"OIDC_ISSUER": ISSUER},
        {"OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE},
        {"OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": "https://login.example/keys"},
        {"OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": "http://login.example/keys"},
        {"OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": "https://a.example", "OIDC_JWKS_FILE": "b"},
    ],
)
def test_half_a_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings):
        settings.external_issuer()


def test_without_settings_there_is_no_external_issuer() -> None:
    assert settings.external_issuer() is None
    assert issuers.configured() is None
