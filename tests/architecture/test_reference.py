"""The reference pages say what the code says."""

from deploy import reference

STALE = "docs are behind the code: run `make reference`"


def test_the_page_of_problems_names_every_problem_of_the_code() -> None:
    assert (reference.ROOT / "docs" / "problems.md").read_text() == reference.problems_page(), STALE


def test_the_page_of_events_names_every_event_of_the_code() -> None:
    assert (reference.ROOT / "docs" / "events.md").read_text() == reference.events_page(), STALE


def test_each_problem_has_one_heading_to_link_to() -> None:
    headings = [line for line in reference.problems_page().splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings)) > 200
