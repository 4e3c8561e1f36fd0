"""Which metrics and labels a PromQL expression names: enough of the language to read our own rules and dashboards."""

import re
from dataclasses import dataclass, field

_WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "bool",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
        "inf",
        "nan",
    ]
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_RANGE = re.compile(r"\[[^\]]*\]")
_DURATION = re.compile(r"\boffset\s+\w+|\b\d[\w.]*")
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")


@dataclass
class Names:
    """`metrics`: name -> labels its selectors name; `labels`: those that results are grouped or matched by."""

    metrics: dict[str, set[str]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)


def names(expression: str) -> Names:
    """What `expression` names."""
    found = Names()
    rest = _STRING.sub('""', expression)
    for metric, matchers in _SELECTOR.findall(rest):
        found.metrics.setdefault(metric, set()).update(_MATCHER.findall(matchers))
    rest = _SELECTOR.sub(lambda selector: selector[1], rest)
    for _, labels in _GROUPING.findall(rest):
        found.labels.update(_NAME.findall(labels))
    rest = _DURATION.sub(" ", _GROUPING.sub(" ", _RANGE.sub(" ", rest)))
    for name in _NAME.finditer(rest):
        called = rest[name.end() :].lstrip().startswith("(")
        if not called and name[0].lower() not in _WORDS:
            found.metrics.setdefault(name[0], set())
    return found
