"""A person at the gateway: signs in, acts on one plane, and speaks JSON through the public API."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid4, uuid5

import urllib3

_POOL = urllib3.PoolManager(maxsize=8, retries=False, timeout=urllib3.Timeout(connect=5, read=60))
_KNOWN_WITHIN = 5.0
_EARLY = 30  # seconds before a token's end at which it is renewed


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    body: Any
    headers: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Refused(Exception):
    """A call that should have worked was refused; says which, and what the gateway answered."""


@dataclass
class Person:
    """Somebody, or a machine client with an API key, acting on one plane."""

    base: str
    email: str = ""
    password: str = ""
    plane: str = "business"
    api_key: str | None = None
    _token: str | None = field(default=None, repr=False)
    _until: float = 0.0
    refresh_token: str = field(default="", repr=False)

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        """One request, answered whatever it is. A POST gets a fresh Idempotency-Key unless one is given."""
        sent = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json", **(headers or {})}
        if method != "GET":
            sent.setdefault("Idempotency-Key", str(uuid4()))
        return send(self.base, method, path, body, sent, query)

    def get(self, path: str, **query: Any) -> Answer:
        """A GET that must work. Raises Refused."""
        return self._must(self.call("GET", path, **query), "GET", path)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """A POST that must work. Raises Refused."""
        return self._must(self.call("POST", path, {} if body is None else body, **options), "POST", path)

    def post_once(self, path: str, body: dict[str, Any]) -> Answer:
        """A POST that must work, with an idempotency key made from what it says: sent again, it is the same request.

        A grant may take two seconds to be known everywhere; until then its holder finds nothing. Raises Refused.
        """
        headers = {"Idempotency-Key": str(uuid5(NAMESPACE_URL, json.dumps([self.email, path, body], sort_keys=True)))}
        deadline = time.monotonic() + _KNOWN_WITHIN
        while (answer := self.call("POST", path, body, headers=headers)).status in (403, 404):
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        return self._must(answer, "POST", path)

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every item of a list, page by page."""
        items, cursor = [], None
        while True:
            page = self.get(path, limit=200, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    def token(self) -> str:
        """The API key, or the access token of a session that is renewed in time."""
        if self.api_key:
            return self.api_key
        if self._token is None or time.monotonic() > self._until:
            self.sign_in()
        return str(self._token)

    def sign_in(self) -> Answer:
        """A new session on this person's plane. Raises Refused."""
        body = {"email": self.email, "password": self.password, "plane": self.plane}
        answer = self._must(send(self.base, "POST", "/v1/sessions", body, {}), "POST", "/v1/sessions")
        self._token, self.refresh_token = answer["access_token"], answer["refresh_token"]
        self._until = time.monotonic() + int(answer["expires_in"]) - _EARLY
        return answer

    def _must(self, answer: Answer, method: str, path: str) -> Answer:
        if not answer.ok:
            raise Refused(f"{self.email or 'machine client'}: {method} {path}: {answer.status} {answer.body}")
        return answer


def send(
    base: str, method: str, path: str, body: Any, headers: dict[str, str], query: dict[str, Any] | None = None
) -> Answer:
    """One HTTP request with a JSON body (or bytes as they are); JSON answers are decoded."""
    address = base + path + (f"?{urlencode(query, doseq=True)}" if query else "")
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if data is not None:
        headers = {"Content-Type": "application/json", **headers}
    answer = _POOL.request(method, address, body=data, headers=headers)
    decoded = (
        json.loads(answer.data) if "json" in answer.headers.get("Content-Type", "") and answer.data else answer.data
    )
    return Answer(answer.status, decoded, answer.headers)
