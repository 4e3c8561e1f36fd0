"""The problems that answers may be."""

import re
from functools import cache

from deploy.local.instance import ROOT


@cache
def documented() -> frozenset[str]:
    """The names that docs/problems.md lists."""
    return frozenset(re.findall(r"^## (\S+)$", (ROOT / "docs" / "problems.md").read_text(), re.MULTILINE))
