"""Which revision a service's database should stand at, read from its migrations without loading Alembic."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_STEP = re.compile(r'^(revision|down_revision)\b[^=]*= *(?:["\'](\w+)["\']|None)', re.MULTILINE)


def head(service: str) -> str | None:
    """The newest revision: the one that no other revision follows. None where there are no migrations."""
    steps = _steps(service)
    followed = {step.get("down_revision") for step in steps}
    heads = [step["revision"] for step in steps if step["revision"] not in followed]
    if len(heads) > 1:
        raise ValueError(f"{service} has several newest revisions: {', '.join(sorted(heads))}")
    return heads[0] if heads else None


def is_behind(service: str, revision: str | None) -> bool:
    """Whether a database at `revision` lacks a migration that this code needs. One that this code does not know is a
    newer release's: it was migrated before that release starts, and this one serves until then."""
    known = {step["revision"] for step in _steps(service)}
    return revision != head(service) and (revision is None or revision in known)


def _steps(service: str) -> list[dict[str, str]]:
    folder = ROOT / "services" / service / "migrations" / "versions"
    return [dict(_STEP.findall(path.read_text())) for path in folder.glob("*.py")]
