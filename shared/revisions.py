"""Which revision a service's database should stand at, read from its migrations without loading Alembic."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_STEP = re.compile(r'^(revision|down_revision)\b[^=]*= *(?:["\'](\w+)["\']|None)', re.MULTILINE)


def head(service: str) -> str | None:
    """The newest revision: the one that no other revision follows. None where there are no migrations."""
    steps = [
        dict(_STEP.findall(path.read_text()))
        for path in (ROOT / "services" / service / "migrations" / "versions").glob("*.py")
    ]
    followed = {step.get("down_revision") for step in steps}
    heads = [step["revision"] for step in steps if step["revision"] not in followed]
    if len(heads) > 1:
        raise ValueError(f"{service} has several newest revisions: {', '.join(sorted(heads))}")
    return heads[0] if heads else None
