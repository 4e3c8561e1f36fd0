"""The gateway's own settings: how many requests it takes of one caller, and an external issuer of access tokens (OpenID
Connect), where there is one."""

from dataclasses import dataclass
from pathlib import Path

from environs import EnvError, FileAwareEnv

from shared.settings import BadSettings


@dataclass(frozen=True, slots=True)
class ExternalIssuer:
    """OIDC_ISSUER, OIDC_AUDIENCE, and its keys: OIDC_JWKS_URL (https, or http to this machine) or OIDC_JWKS_FILE."""

    issuer: str
    audience: str
    jwks_url: str | None
    jwks_file: Path | None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """RATE_PER_PRINCIPAL, RATE_PER_ORGANIZATION: requests a second that each gateway process takes; 0: any number."""

    per_principal: int = 1_000
    per_organization: int = 5_000


def rate_limits() -> RateLimits:
    """The limits that the environment names, or the defaults. Raises BadSettings."""
    env, usual = FileAwareEnv(), RateLimits()
    try:
        limits = RateLimits(
            env.int("RATE_PER_PRINCIPAL", usual.per_principal), env.int("RATE_PER_ORGANIZATION", usual.per_organization)
        )
    except (EnvError, ValueError) as error:
        raise BadSettings(f"Settings of the rates: {error}") from error
    if min(limits.per_principal, limits.per_organization) < 0:
        raise BadSettings("RATE_PER_PRINCIPAL and RATE_PER_ORGANIZATION are whole numbers; 0 switches one off.")
    return limits


def external_issuer() -> ExternalIssuer | None:
    """The issuer that the environment names, or None. Raises BadSettings."""
    env = FileAwareEnv()
    try:
        issuer, audience = env.str("OIDC_ISSUER", ""), env.str("OIDC_AUDIENCE", "")
        url, file = env.str("OIDC_JWKS_URL", ""), env.str("OIDC_JWKS_FILE", "")
    except (EnvError, ValueError) as error:
        raise BadSettings(f"Settings of the external issuer: {error}") from error
    if not (issuer or audience or url or file):
        return None
    if not issuer or not audience or bool(url) == bool(file):
        raise BadSettings("OIDC needs OIDC_ISSUER, OIDC_AUDIENCE, and either OIDC_JWKS_URL or OIDC_JWKS_FILE.")
    if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise BadSettings("OIDC_JWKS_URL must be https.")
    return ExternalIssuer(issuer, audience, url or None, Path(file) if file else None)
