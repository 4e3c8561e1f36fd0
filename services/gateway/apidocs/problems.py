"""The page that the `type` of every problem leads to: docs/problems.md, one anchor for each slug."""

from html import escape
from pathlib import Path

SOURCE = Path("docs/problems.md")
_HEAD = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Partywall: problems</title></head>
<body>
"""


def page(markdown: str) -> str:
    """HTML of the few things that page is made of: headings (a slug each) and paragraphs."""
    parts = []
    for block in markdown.strip().split("\n\n"):
        text = escape(" ".join(block.split("\n")))
        if text.startswith("## "):
            parts.append(f'<h2 id="{text[3:]}">{text[3:]}</h2>')
        elif text.startswith("# "):
            parts.append(f"<h1>{text[2:]}</h1>")
        else:
            parts.append(f"<p>{text}</p>")
    return _HEAD + "\n".join(parts) + "\n</body>\n</html>\n"
