"""A flame graph as SVG: each frame as wide as the share of samples it was on the stack, callees above their callers."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

_Box = tuple[int, float, float, str, int]  # level, left, width, frame, samples
Stacks = Counter[tuple[str, ...]]  # how often each stack was seen, the outermost frame first

_WIDTH, _HEIGHT, _TOP, _LETTER = 1200, 17, 46, 6.6
_LEAST = 0.8  # a frame narrower than that (pixels) is not drawn
# Whose code a frame is, by the beginning of its file's path.
_OWNERS = (
    ("our own", ("services/", "shared/", "deploy/"), "#f4a259"),
    ("database", ("sqlalchemy/", "psycopg", "sqlalchemy_"), "#8cb4d9"),
    ("web", ("flask", "werkzeug/", "gunicorn/", "marshmallow/", "webargs/", "apispec/"), "#b5d99c"),
    ("other", ("",), "#d6d6d6"),
)
_FRAME = re.compile(r"^(?P<name>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")
_BEFORE = re.compile(r"^.*/(?:site-packages|python3\.\d+)/|^.*?(?=(?:services|shared|deploy)/)")


@dataclass(slots=True)
class _Node:
    samples: int = 0
    callees: "dict[str, _Node]" = field(default_factory=dict)


def read(folded: str) -> Stacks:
    """Lines of `frame;frame;frame count`, without processes, threads, and where files lie on this machine."""
    stacks: Stacks = Counter()
    for line in folded.splitlines():
        frames, _, count = line.rpartition(" ")
        kept = tuple(_plain(frame) for frame in frames.split(";") if _FRAME.match(frame))
        if kept:
            stacks[kept] += int(count)
    return stacks


def _plain(frame: str) -> str:
    found = _FRAME.match(frame)
    assert found is not None
    file = _BEFORE.sub("", found["file"])
    return f"{found['name']} ({file.rpartition('/')[2] if file.startswith('/') else file})"


def svg(title: str, stacks: Stacks) -> str:
    """The drawing."""
    root = _tree(stacks)
    boxes = list(_boxes(root, 0, 0.0, _WIDTH / max(1, root.samples)))
    depth = max((level for level, *_ in boxes), default=0)
    height = _TOP + (depth + 1) * _HEIGHT + 8
    drawn = [_box(box, height, root.samples) for box in boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' font-family="monospace" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/><text x="10" y="17" font-size="14">{escape(title)}</text>'
        f"{_legend()}\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _legend() -> str:
    return "".join(
        f'<rect x="{10 + i * 110}" y="26" width="12" height="12" fill="{colour}"/>'
        f'<text x="{26 + i * 110}" y="36">{owner}</text>'
        for i, (owner, _, colour) in enumerate(_OWNERS)
    )


def _tree(stacks: Stacks) -> _Node:
    root = _Node()
    for frames, count in stacks.items():
        node = root
        node.samples += count
        for frame in frames:
            node = node.callees.setdefault(frame, _Node())
            node.samples += count
    return root


def _boxes(node: _Node, level: int, left: float, scale: float) -> Iterator[_Box]:
    """Every frame that is wide enough to be seen."""
    for name in sorted(node.callees):
        callee = node.callees[name]
        width = callee.samples * scale
        if width >= _LEAST:
            yield level, left, width, name, callee.samples
            yield from _boxes(callee, level + 1, left, scale)
        left += width


def _box(box: _Box, height: int, total: int) -> str:
    level, left, width, name, samples = box
    top, letters = height - (level + 1) * _HEIGHT - 4, int((width - 4) / _LETTER)
    said = name if len(name) <= letters else f"{name[: letters - 1]}…"
    text = f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(said)}</text>' if letters > 3 else ""
    share = f"{escape(name)}: {samples / total:.1%}"
    size = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_HEIGHT - 1}"'
    return f'<g><title>{share}</title><rect {size} fill="{_colour(name)}"/>{text}</g>'


def _colour(frame: str) -> str:
    file = frame.rpartition(" (")[2]
    return next(colour for _, beginnings, colour in _OWNERS if file.startswith(beginnings))
