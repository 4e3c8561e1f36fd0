"""A short run: garbage at every operation, generated requests at some, always the same; and what it must see."""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.proof.api import garbage, planes
from tests.proof.api.document import Document
from tests.proof.api.engine import IMPORT, Seen, _explained
from tests.proof.api.garbage import Sent
from tests.proof.api.known import Known, address
from tests.proof.api.never import NEVER
from tests.proof.api.proof import Proof
from tests.proof.api.report import Figures
from tests.support.platform import Platform

SHORT = {"short": True, "requests": 200, "examples": 2, "operations": 12, "seed": 20261122, "minutes": 0}


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.mark.whole_system
def test_every_operation_refuses_garbage_and_some_keep_to_the_document(tmp_path: Path, document: Document) -> None:
    with Platform(tmp_path) as platform:
        figures = Proof(platform, argparse.Namespace(**SHORT), print).play()
    said = "\n".join(figures.lines())
    assert figures.findings == 0, said
    assert figures.spoiled == garbage.targets(document, set(document.operations)), said
    assert sum(figures.garbage.values()) > 3_000, said
    assert sum(seen.requests for seen in figures.planes.values()) >= SHORT["requests"], said
    answered = sum((seen.statuses for seen in figures.planes.values()), start=Seen().statuses)
    assert answered[200] > 0, said


def test_every_operation_is_open_to_the_people_of_a_plane(document: Document) -> None:
    opened = {plane: planes.open_to(document, plane) for plane in planes.PLANES}
    assert opened["business"] | opened["clinical"] == set(document.operations)
    assert all(
        found - {label for label in found if document.operations[label].open_to_all} for found in opened.values()
    )


def test_a_url_finds_its_template_and_a_row_its_list(document: Document) -> None:
    site = "/v1/locations/00000000-0000-7000-8000-000000000001/procurement"
    template = "/v1/locations/{in_location}/procurement/orders/{order_id}"
    assert document.template(f"{site}/orders/7") == template
    known = Known(document, set())
    row = {"id": "7", "vendor_id": "9", "lines": [{"id": "8"}]}
    known.learn("GET", f"http://gateway{site}/orders?limit=5", None, 200, {"items": [row], "next": None})
    assert address(known, template, "00000000-0000-7000-8000-000000000001") == f"{site}/orders/7"
    assert (known.values_of("vendor_id"), known.values_of("order_line_id")) == (["9"], ["8"])
    assert address(known, template, "00000000-0000-7000-8000-000000000002") is not None  # for want of a better one


def test_garbage_that_is_accepted_and_a_fault_of_the_server_are_findings() -> None:
    figures = Figures(1)
    for status in (201, 422, 500):
        figures.note(Sent("POST /v1/x", "an unknown field", status, ""))
    assert [sent.fault for sent in figures.garbage_faults] == ["accepted", "a fault of the server"]
    assert figures.findings == 2


def test_an_operation_that_a_complete_run_never_brought_to_a_good_answer_is_a_finding() -> None:
    for complete, found in ((True, ["GET /v1/y"]), (False, [])):
        figures = Figures(1, complete=complete)
        figures.open_to = {"business": {"GET /v1/x", "GET /v1/y"}, "clinical": {"GET /v1/x"}}
        figures.planes = {"business": Seen(), "clinical": Seen()}
        figures.planes["business"].answered["GET /v1/x"][404] += 1
        figures.planes["clinical"].answered["GET /v1/x"][200] += 1
        assert (figures.unanswered, figures.findings) == (found, len(found))


def test_a_well_formed_request_is_refused_with_a_listed_problem_only() -> None:
    figures = Figures(1)
    figures.open_to, figures.planes = {"business": set()}, {"business": Seen()}
    figures.planes["business"].refused.update(["not-enough-stock", "out-of-the-blue"])
    assert figures.findings == 1
    assert any("out-of-the-blue" in line for line in figures.lines() if line.startswith("FINDING"))


def test_what_is_never_answered_well_is_an_operation_and_has_its_reason(document: Document) -> None:
    assert NEVER.keys() <= document.operations.keys()
    assert all(reason.endswith(".") for reason in NEVER.values())


def test_a_file_whose_wrong_rows_are_refused_is_no_accepted_garbage() -> None:
    meta = SimpleNamespace(phase=SimpleNamespace(data=SimpleNamespace(description="Object with unexpected properties")))
    case: Any = SimpleNamespace(operation=SimpleNamespace(label=f"POST /v1{IMPORT}"), meta=meta)
    for answer, explained in (({"accepted": 0, "rejected": 1}, True), ({"accepted": 1, "rejected": 0}, False)):
        response: Any = SimpleNamespace(content=json.dumps(answer))
        assert _explained("negative_data_rejection", case, response) is explained
        assert not _explained("not_a_server_error", case, response)


def test_garbage_is_thrown_at_each_field(document: Document) -> None:
    schema = document.raw["components"]["schemas"]["procurement.RequisitionIn"]
    thrown = {what for what, _, _ in garbage.kinds({"lines": []}, schema)}
    assert {"an unknown field", "lines: a word", "note: NUL", "submit: a word", "lines: missing", "NaN"} <= thrown
