"""The reference pages say what the code says, and the decisions are counted and listed."""

import re

from deploy import reference

STALE = "docs are behind the code: run `make reference`"


def test_the_page_of_problems_names_every_problem_of_the_code() -> None:
    assert (reference.ROOT / "docs" / "problems.md").read_text() == reference.problems_page(), STALE


def test_the_page_of_events_names_every_event_of_the_code() -> None:
    assert (reference.ROOT / "docs" / "events.md").read_text() == reference.events_page(), STALE


def test_each_problem_has_one_heading_to_link_to() -> None:
    headings = [line for line in reference.problems_page().splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings)) > 200


def test_decisions_are_numbered_without_a_gap_and_all_are_in_the_index() -> None:
    folder = reference.ROOT / "docs" / "adr"
    files = sorted(file.name for file in folder.glob("[0-9]*.md"))
    titles = [(folder / file).read_text().splitlines()[0] for file in files]
    assert [(file[:4], title.split(".")[0]) for file, title in zip(files, titles, strict=True)] == [
        (f"{number:04}", f"# {number}") for number in range(1, len(files) + 1)
    ]
    listed = re.findall(r"^(\d+\. )\[(.+)\]\((.+)\)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert [(f"# {number}{title}", file) for number, title, file in listed] == list(zip(titles, files, strict=True))
