"""The stage of the story: who acts, what is expected of each answer, and how it is told."""

import json
import time
from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.demo.client import Answer, Person
from deploy.demo.people import COMPANIES, DIRECTORS, EVERYBODY, MACHINE, OWNERS, PROVIDERS, today

_EFFECT_SECONDS = 30.0
_CLINICAL = (*OWNERS, *DIRECTORS, *PROVIDERS)


class StoryBroken(Exception):
    """An answer was not what the story says it must be."""


class Stage:
    """One telling of the story against a gateway. `ids` names the franchise's things as deploy.demo.people does."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        made = json.loads((folder / "demo.json").read_text())
        passwords = json.loads((folder / "passwords.json").read_text())
        self.base, self.ids, self._key = made["base"], made["ids"], made["machine_key"]
        self._say, self._passwords = say, passwords
        self._cast: dict[tuple[str, str], Person] = {}
        self.today = today()
        # Fees are booked on the last day of their month.
        self.month_end = date(self.today.year, self.today.month, monthrange(self.today.year, self.today.month)[1])
        self.tag = uuid4().hex[:6]  # what this telling makes is told apart from other tellings by it
        self.told: list[str] = []

    def at(self, base: str) -> "Stage":
        """The same stage behind another address of the gateway."""
        self.base = base
        return self

    def person(self, key: str, plane: str | None = None) -> Person:
        """Somebody of the franchise by key, on their usual plane or another; signs in when first needed."""
        human = next(one for one in EVERYBODY if one.key == key)
        acts_on = plane or ("clinical" if human in _CLINICAL else "business")
        fresh = Person(self.base, human.email, self._passwords[key], acts_on)
        return self._cast.setdefault((key, acts_on), fresh)

    def machine(self) -> Person:
        """The clinical system of the CA practice."""
        return Person(self.base, email=MACHINE, plane="clinical", api_key=self._key)

    def site(self, code: str, service: str) -> str:
        """The URL of a service at one location."""
        return f"/v1/locations/{self.ids[code]}/{service}"

    def owner_of(self, key: str) -> str:
        """Who takes an owner's decisions at a legal entity, in the words of a refusal."""
        return f"an owner of {company(key)}"

    def limit_of(self, key: str) -> Decimal:
        """Up to which total somebody may approve, as the directory says."""
        grants = self.person("ruth.adler").all("/v1/network/gateway/grants", user_id=self.ids[key])
        limits = [Decimal(grant["approval_limit"]) for grant in grants if grant["approval_limit"]]
        self.require(len(limits) == 1, f"{key} has one approval limit: {grants}")
        return limits[0]

    def entity(self, key: str, service: str) -> str:
        """The URL of a service at one legal entity."""
        return f"/v1/entities/{self.ids[key]}/{service}"

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self._say(f"\n{title}\n{'-' * len(title)}")

    def tell(self, words: str, outcome: str = "") -> None:
        """One line of the story, and what came of it."""
        self.told.append(words)
        self._say(f"  {words}" + (f"\n      -> {outcome}" if outcome else ""))

    def expect(self, answer: Answer, status: int, words: str, outcome: Callable[[Any], str] | str = "") -> Answer:
        """Tell a step whose answer must have `status`. Raises StoryBroken."""
        if answer.status != status:
            raise StoryBroken(f"{words}: expected {status}, got {answer.status} {answer.body}")
        self.tell(words, f"{status} {outcome(answer.body) if callable(outcome) else outcome}".strip())
        return answer

    def refused(
        self, answer: Answer, status: int, slug: str, words: str, *, policy: str = "", why: str = "",
        source: str = "", who_can: str = "", points_at: Iterable[str] = (),
    ) -> Answer:  # fmt: skip
        """Tell a step that must be refused, and for no other reason than this one: the problem's slug, the policy that
        decided (empty: none did), and where they are given the words of why, the source, who could do it instead, and
        the fields it points at. Raises StoryBroken."""
        problem = answer.body if isinstance(answer.body, dict) else {}
        said = reason(problem)
        given = {"why": why in said["why"], "source": source in ("", *said["source"])}
        given |= {"who_can": who_can in ("", said["who_can"])}
        given |= {"points_at": tuple(points_at) in ((), said["points_at"])}
        wrong = [name for name, fits in given.items() if not fits]
        if (answer.status, said["slug"], said["policy"]) != (status, slug, policy) or wrong:
            expected = f"{status} {slug} {policy}".strip()
            raise StoryBroken(f"{words}: expected {expected}, got {answer.status} {answer.body}; differs in {wrong}")
        self.tell(words, f"{status} {explain(problem)}")
        return answer

    def reserved(self, answer: Answer, words: str, *, decision: str, who_can: str) -> Answer:
        """Tell that a decision reserved for the clinical side was refused to somebody else, with everything that such
        a refusal owes them: the policy, why, the source, who can. Raises StoryBroken."""
        return self.refused(
            answer, 403, "refused", words,
            policy="wall.reserved-decision", why="This decision is reserved", source=decision, who_can=who_can,
        )  # fmt: skip

    def require(self, truth: bool, words: str) -> None:
        """Something that must hold. Raises StoryBroken."""
        if not truth:
            raise StoryBroken(words)

    def eventually(self, look: Callable[[], Any], words: str, outcome: Callable[[Any], str] | str = "") -> Any:
        """Wait for the effect of an event in another service. `look` returns something true when it is there."""
        deadline = time.monotonic() + _EFFECT_SECONDS
        while not (found := look()):
            if time.monotonic() > deadline:
                raise StoryBroken(f"{words}: no effect after {_EFFECT_SECONDS:.0f} s")
            time.sleep(0.1)
        self.tell(words, outcome(found) if callable(outcome) else outcome)
        return found


def company(key: str) -> str:
    """The name of a legal entity of the franchise."""
    return next(one.name for one in COMPANIES if one.key == key)


def reason(problem: dict[str, Any]) -> dict[str, Any]:
    """What a problem document gives as its reason. `source` holds the keys of the rules dataset it names: the policies
    of the door give {id, title, cites}, services a key or a list of keys and citations, a key perhaps with its version
    behind an @."""
    source = problem.get("source") or ()
    named = [source["id"]] if isinstance(source, dict) else [source] if isinstance(source, str) else source
    return {
        "slug": str(problem.get("type", "")).rpartition("#")[2],
        "policy": problem.get("policy") or "",
        "why": problem.get("why") or problem.get("detail") or "",
        "source": tuple(key.partition("@")[0] for key in named),
        "who_can": problem.get("who_can") or "",
        "points_at": tuple(error["pointer"] for error in problem.get("errors", ())),
    }


def explain(problem: dict[str, Any]) -> str:
    """A problem document in a line: what, why, by which policy and source, who could."""
    words = [problem.get("title", "")]
    detail = problem.get("detail")
    if detail and detail != problem.get("title"):
        words.append(detail)
    words += [f"({pointed['pointer']}: {pointed['detail']})" for pointed in problem.get("errors", [])]
    if problem.get("policy"):
        words.append(f"[policy {problem['policy']}")
        source = problem.get("source")
        cites = source.get("cites") if isinstance(source, dict) else source
        words[-1] += f"; source {'; '.join(cites) if isinstance(cites, list) else cites}]" if cites else "]"
    if problem.get("who_can"):
        words.append(f"Who can: {problem['who_can']}.")
    return " ".join(word if word.endswith((".", "]", ")")) else f"{word}." for word in words if word)
