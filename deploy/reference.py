"""Writes the reference pages that come from the code: docs/problems.md and docs/events.md."""

import importlib
import pkgutil
from pathlib import Path

import msgspec

import services
import shared
from shared.contracts.base import REGISTRY, Event
from shared.errors import Problem
from shared.settings import SERVICES

ROOT = Path(__file__).resolve().parent.parent

HTTP_PROBLEMS = {
    "not-found": (404, "There is no such thing, or not for you; the two look the same on purpose."),
    "method-not-allowed": (405, "The address exists, the method does not; see the Allow header."),
    "bad-request": (400, "The body is not what its content type says, for example broken JSON."),
    "unprocessable-entity": (422, "Fields are wrong; `errors` names each with a JSON pointer."),
    "unsupported-media-type": (415, "Send application/json."),
    "request-entity-too-large": (413, "The body is larger than the service takes."),
    "internal-server-error": (500, "Our fault. The answer says nothing more; the request id finds it in the logs."),
}

PROBLEMS_HEAD = """# Problems

Every error is `application/problem+json` (RFC 9457): `type` ends in one of these names; `detail` says what happened
this time; `errors` points at fields; a denial adds `policy`, `why`, `source` and `who_can`. This page is written by
`make reference`."""

EVENTS_HEAD = """# Events

CloudEvents 1.0 in structured JSON: the fields below stand in `data`. `subject` names the thing the event is about,
`aggregateversion` counts its events, `organizationid`, `locationid` and `legalentityid` say where it happened, and
`actor` who did it. Consumers ignore fields they do not know; fields are only ever added. This page is written by
`make reference`."""


def import_everything() -> None:
    """Import every module, so that every problem and event is known."""
    for package in (shared, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            runs = module.name.rsplit(".", 1)[-1] in ("__main__", "wsgi", "env") or ".migrations" in module.name
            if not runs:
                importlib.import_module(module.name)


def problems_page() -> str:
    """Every problem type: a heading for each slug, under it what can be meant by it."""
    import_everything()
    meanings: dict[str, set[tuple[int, str]]] = {slug: {meaning} for slug, meaning in HTTP_PROBLEMS.items()}
    for kind in _leaves(Problem):
        problem = kind("")
        if problem.slug not in HTTP_PROBLEMS:
            meanings.setdefault(problem.slug, set()).add((kind.status, problem.title))
    blocks = [PROBLEMS_HEAD]
    for slug, said in sorted(meanings.items()):
        blocks += [f"## {slug}", *(f"{status}. {title.rstrip('.')}." for status, title in sorted(said))]
    return "\n\n".join(blocks) + "\n"


def _leaves(base: type[Problem]) -> list[type[Problem]]:
    """The kinds of problem the product itself declares; tests declare more."""
    found = []
    for kind in base.__subclasses__():
        if kind.__module__.startswith(("shared.", "services.")):
            found.append(kind)
        found += _leaves(kind)
    return found


def events_page() -> str:
    """Every event, by service."""
    import_everything()
    blocks = [EVENTS_HEAD]
    for service in SERVICES:
        kinds = (REGISTRY[name] for name in sorted(REGISTRY) if name.startswith(f"{service}."))
        lines = [_event_line(kind) for kind in kinds if kind.__module__ == f"shared.contracts.{service}"]
        blocks += [f"## {service}", "\n".join(lines)]
    return "\n\n".join(blocks) + "\n"


def _event_line(kind: type[Event]) -> str:
    meaning = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    fields = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind))
    return f"- **{kind.type}** v{kind.schema_version}, {kind.plane} plane. {meaning} Fields: {fields}."


def main() -> None:
    """Write both pages."""
    (ROOT / "docs" / "problems.md").write_text(problems_page())
    (ROOT / "docs" / "events.md").write_text(events_page())


if __name__ == "__main__":
    main()
