"""An identity provider of our own: signs access tokens and serves its public keys on this machine."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from shared.clock import now

ISSUER, AUDIENCE = "https://login.example", "partywall"


class Provider:
    """Keys, tokens, and a server of the public keys that counts how often it was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"RS256": RSAKey.generate_key(2048, {"kid": "rsa"})}
        self.asked, self.status = 0, 200
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/keys"

    @property
    def public(self) -> dict[str, Any]:
        return dict(KeySet(list(self.keys.values())).as_dict(private=False))

    def add(self, algorithm: str) -> None:
        """Another key, for another algorithm."""
        makers: dict[str, Any] = {
            "ES256": lambda: ECKey.generate_key("P-256", {"kid": "ec"}),
            "Ed25519": lambda: OKPKey.generate_key("Ed25519", {"kid": "okp"}),
            "PS256": lambda: RSAKey.generate_key(2048, {"kid": "pss"}),
        }
        self.keys[algorithm] = makers[algorithm]()

    def token(self, algorithm: str = "RS256", key: Any = None, **claims: Any) -> str:
        """A token that says the usual, changed by `claims` (None leaves one out)."""
        at = int(now().timestamp())
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "subject-1", "iat": at, "exp": at + 300, **claims}
        signer = key or self.keys[algorithm]
        header = {"alg": algorithm, "kid": signer.kid or "none"}
        return jwt.encode(
            header, {name: value for name, value in said.items() if value is not None}, signer, algorithms=[algorithm]
        )

    def shared_secret_token(self, **claims: Any) -> str:
        """The classic confusion: HS256 with the public key as the secret."""
        secret = OctKey.import_key(json.dumps(self.keys["RS256"].as_dict(private=False)), {"kid": "rsa"})
        return self.token("HS256", secret, **claims)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            body = json.dumps(provider.public).encode()
            self.send_response(provider.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler
