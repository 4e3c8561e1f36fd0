"""The gateway's own settings: an external issuer of access tokens (OpenID Connect), where there is one."""

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
