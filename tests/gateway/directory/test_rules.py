"""The rules dataset: sound, loaded once per version, told once, looked up by day."""

import shutil
import threading
from datetime import date
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from services.gateway.rules import dataset, service
from shared import rules
from shared.ids import PLATFORM
from shared.outbox import Pending
from shared.rules import Rule
from shared.tenancy import Scope
from tests.gateway.directory.brand import ORIGIN, Brand, ok

VERSION = "2026-11-21"


def test_the_committed_dataset_is_sound() -> None:
    entries = dataset.entries(VERSION)
    kinds = {entry.kind for entry in entries}
    assert kinds == dataset.KINDS
    assert len([entry for entry in entries if entry.kind == "state"]) == 51
    assert {entry.body["decides"] for entry in entries if entry.kind == "reserved_decision"} == {
        "clinical_entity_owner",
        "medical_director",
        "licensed_provider",
    }


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the dataset to spoil."""
    shutil.copytree(dataset.FOLDER, tmp_path / "data")
    return tmp_path / "data"


def _edit(folder: Path, file: str, old: str, new: str, version: str = VERSION) -> None:
    path = folder / version / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("states.yaml", "code: AK", "code: AL"),
        ("states.yaml", "percentage_fee: allowed_if_fmv\n", "percentage_fee: perhaps\n"),
        ("reserved_decisions.yaml", "sources: [ca_mbc, ca_sb351_list]", "sources: [hearsay]"),
        ("reserved_decisions.yaml", "{id: clinical.diagnostics.order,", "{name: clinical.diagnostics.order,"),
        ("training.yaml", "training:", "courses:"),
        ("controls.yaml", "schema_version: 1", "schema_version: [1"),
        ("dataset.yaml", '"2026-11-21"', '"2025-01-01"'),
    ],
)
def test_a_dataset_that_is_not_sound_is_refused(copy: Path, file: str, old: str, new: str) -> None:
    _edit(copy, file, old, new)
    with pytest.raises(dataset.BadDataset):
        dataset.entries(VERSION, copy)


def test_loading_again_records_and_tells_nothing(brand: Brand) -> None:
    first = brand.load_rules()
    assert first == {VERSION: len(dataset.entries(VERSION))}
    assert brand.load_rules() == {VERSION: 0}
    with brand.database.platform_transaction() as session:
        told = session.execute(select(Pending).where(Pending.type == "gateway.rule.recorded")).scalars().all()
    assert len(told) == first[VERSION]
    assert {row.organization_id for row in told} == {PLATFORM}


def test_two_loads_at_once_record_each_entry_once(brand: Brand) -> None:
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(brand.load_rules()[VERSION])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(dataset.entries(VERSION))


def test_a_past_act_is_judged_by_the_rule_then_in_force(brand: Brand, copy: Path) -> None:
    newer = "2027-02-01"
    shutil.copytree(copy / VERSION, copy / newer)
    (copy / newer / "dataset.yaml").write_text(
        yaml.safe_dump({"version": newer, "reviewed": date(2027, 2, 1), "effective_from": date(2027, 2, 1)})
    )
    _edit(copy, "states.yaml", "percentage_fee: unknown", "percentage_fee: prohibited", newer)
    with brand.database.transaction(Scope.whole(PLATFORM)) as session:
        session.info["origin"] = ORIGIN
        service.load(session, copy)
    with brand.database.transaction(Scope.whole(PLATFORM)) as session:
        old = rules.require(session, "state", "AL", date(2027, 1, 31))
        new = rules.require(session, "state", "AL", date(2027, 2, 1))
        ended = session.execute(select(Rule.effective_to).where(Rule.dataset_version == VERSION)).scalars().all()
    assert (old.body["percentage_fee"], new.body["percentage_fee"]) == ("unknown", "prohibited")
    assert set(ended) == {date(2027, 1, 31)}


def test_rules_are_read_with_source_confidence_and_a_notice(brand: Brand) -> None:
    brand.load_rules()
    desk = brand.everywhere("location_manager")
    state = ok(desk.get("/rules/state/CA"))
    assert state["body"]["sources"]
    assert state["body"]["fee_confidence"]
    assert "Not legal advice" in state["notice"]
    assert state["stale"] is False
    decisions = ok(desk.get("/rules?kind=reserved_decision"))["items"]
    assert len(decisions) == 52
    assert ok(desk.get("/rules/state/CA?on=2027-09-01"))["stale"] is True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/rules", 422),
        ("/rules?kind=gossip", 422),
        ("/rules?kind=state&on=yesterday", 422),
        ("/rules/state/ZZ", 404),
        ("/rules/state/CA?on=1999-01-01", 404),
    ],
)
def test_a_question_that_has_no_answer_is_refused(brand: Brand, path: str, status: int) -> None:
    brand.load_rules()
    assert brand.everywhere("auditor").get(path).status_code == status
