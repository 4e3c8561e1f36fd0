"""What the credential data says of positions."""

import pytest

from services.hr.positions.rules import Position, is_clinical, needs
from tests.hr.franchise import dataset, rule

KINDS = [rule(each.kind, each.key, each.body) for each in dataset() if each.kind == "credential"]
CLINICAL = {"physician", "np", "pa", "rn", "lpn", "medical_assistant", "laser_technician", "medical_director"}


@pytest.mark.parametrize("position", list(Position))
def test_clinicians_are_those_whose_own_licence_is_clinical(position: Position) -> None:
    assert is_clinical(position, KINDS) is (position in CLINICAL)


@pytest.mark.parametrize(
    ("position", "groups"),
    [
        ("physician", {("lic.do", "lic.md"), ("ins.malpractice",)}),
        ("np", {("lic.np",), ("cert.np_national",), ("ins.malpractice",)}),
        ("rn", {("lic.rn",), ("ins.malpractice",)}),
        ("aesthetician", {("lic.aesthetician", "lic.cosmetologist")}),
        ("front_desk", set()),
    ],
)
def test_a_position_needs_what_blocks_its_work_and_any_licence_of_several(
    position: str, groups: set[tuple[str, ...]]
) -> None:
    found = needs(position, "CA", sorted(KINDS, key=lambda kind: kind.key))
    assert {need.kinds for need in found} == groups
    assert all(need.sources for need in found)
