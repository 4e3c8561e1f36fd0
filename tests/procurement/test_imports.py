"""CSV imports and exports: dry run first, every bad row named, a rerun makes no duplicates."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.procurement.imports.rules import armed, disarmed
from tests.procurement.shop import Shop
from tests.support.callers import Answer

DEMO = Path(__file__).resolve().parent.parent.parent / "deploy" / "demo"
HEAD = "sku,name,item_class,unit_chain,gtin,lot_tracked,vendor_code,price_unit,price,price_from"
GOOD = "GLV,Gloves,clinical_supply,box > 100 piece,,no,MEDI,box,9.75,2026-01-01"


def send(shop: Shop, content: str | bytes, kind: str = "items", **query: str) -> Answer:
    return shop.office().post(f"/imports/{kind}", data=content, content_type="text/csv", query_string=query)


def rows(shop: Shop, kind: str) -> list[dict[str, str]]:
    text = shop.office("auditor").get(f"/exports/{kind}").get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(text)))


def test_the_demo_catalogue_imports_cleanly_and_again_without_duplicates(shop: Shop) -> None:
    vendors = (DEMO / "vendors.csv").read_bytes()
    items = (DEMO / "catalogue.csv").read_bytes()
    assert send(shop, vendors, "vendors").json["counts"]["vendors"]["created"] >= 6
    first = send(shop, items)
    assert (first.status_code, first.json["status"], first.json["errors"]) == (201, "succeeded", [])
    assert first.json["counts"]["items"]["created"] >= 60
    created = first.json["counts"]["prices"]["created"]
    again = send(shop, items)
    assert again.json["counts"]["prices"] == {"created": 0, "updated": 0, "unchanged": created}
    assert again.json["counts"]["items"]["unchanged"] == first.json["counts"]["items"]["created"]
    assert len(shop.told("procurement.item.recorded")) == first.json["counts"]["items"]["created"]
    classes = {row["item_class"] for row in rows(shop, "items")}
    assert classes == {"drug", "biologic", "device", "clinical_supply", "business"}


@pytest.mark.parametrize("kind", ["vendors", "items"])
def test_an_export_imported_again_changes_nothing(shop: Shop, kind: str) -> None:
    send(shop, (DEMO / "vendors.csv").read_bytes(), "vendors")
    send(shop, (DEMO / "catalogue.csv").read_bytes())
    exported = shop.office("auditor").get(f"/exports/{kind}")
    assert exported.mimetype == "text/csv"
    answer = send(shop, exported.get_data(), kind)
    assert answer.json["errors"] == []
    for counted in answer.json["counts"].values():
        assert (counted["created"], counted["updated"]) == (0, 0)
    assert shop.office("auditor").get(f"/exports/{kind}").get_data() == exported.get_data()


def test_a_dry_run_says_what_would_happen_and_changes_nothing(shop: Shop) -> None:
    tried = send(shop, f"{HEAD}\n{GOOD}\n", dry_run="true")
    assert (tried.json["status"], tried.json["rows_applied"]) == ("succeeded", 0)
    assert tried.json["counts"]["items"]["created"] == 1
    assert rows(shop, "items") == []
    assert shop.told("procurement.item.recorded") == []
    assert send(shop, f"{HEAD}\n{GOOD}\n").json["rows_applied"] == 1


BAD = "\n".join(
    (
        HEAD,
        GOOD,
        "BAD1,Gloves,clinical,box > 100 piece,,no,MEDI,box,9.75,2026-01-01",
        "BAD2,Gloves,clinical_supply,box > many piece,,no,MEDI,box,9.75,2026-01-01",
        "BAD3,Gloves,clinical_supply,box > 100 piece,9520123456780,no,MEDI,box,9.75,2026-01-01",
        "BAD4,Gloves,clinical_supply,box > 100 piece,,no,NOBODY,box,9.75,2026-01-01",
        "BAD5,Gloves,clinical_supply,box > 100 piece,,no,MEDI,pallet,9.75,2026-01-01",
        "BAD6,Gloves,clinical_supply,box > 100 piece,,no,MEDI,box,9.75001,2026-01-01",
        "BAD7,Gloves,clinical_supply,box > 100 piece,,no,MEDI,box,9.75,01/02/2026",
        "BAD8,,clinical_supply,box > 100 piece,,no,MEDI,box,9.75,2026-01-01",
        "GLV,Other gloves,clinical_supply,box > 100 piece,,no,MEDI,box,9.75,2026-01-01",
        "BAD9,Gloves,clinical_supply,box > 100 piece,,maybe,MEDI,box,9.75,2026-01-01",
    )
)
COLUMNS = [
    *((3, "item_class"), (4, "unit_chain"), (5, "gtin"), (6, "vendor_code"), (7, "price_unit"), (8, "price")),
    *((9, "price_from"), (10, "name"), (11, "sku"), (12, "lot_tracked")),
]


def test_every_bad_row_is_named_and_nothing_is_imported(shop: Shop) -> None:
    answer = send(shop, BAD)
    assert (answer.json["status"], answer.json["rows"], answer.json["rows_applied"]) == ("failed", 11, 0)
    assert [(error["row"], error["column"]) for error in answer.json["errors"]] == COLUMNS
    assert rows(shop, "items") == []
    kept = shop.office("auditor").get(f"/imports/{answer.json['id']}")
    assert kept.json["errors"] == answer.json["errors"]


def test_row_by_row_takes_the_good_rows(shop: Shop) -> None:
    answer = send(shop, BAD, mode="row_by_row")
    assert (answer.json["status"], answer.json["rows_applied"]) == ("partial", 1)
    assert [row["sku"] for row in rows(shop, "items")] == ["GLV"]


def test_a_changed_price_is_updated_under_its_natural_key(shop: Shop) -> None:
    send(shop, f"{HEAD}\n{GOOD}\n")
    answer = send(shop, f"{HEAD}\n{GOOD.replace('9.75', '9.95')}\n")
    assert answer.json["counts"]["prices"] == {"created": 0, "updated": 1, "unchanged": 0}
    assert [row["price"] for row in rows(shop, "items")] == ["9.9500"]


def test_a_gtin_belongs_to_one_item(shop: Shop) -> None:
    taken = "A1,Gloves,clinical_supply,each,9520123456788,no,,,,"
    assert send(shop, f"{HEAD}\n{taken}\n").json["status"] == "succeeded"
    again = send(shop, f"{HEAD}\n{taken.replace('A1', 'A2')}\n")
    assert again.json["errors"] == [{"row": 2, "column": "gtin", "detail": "It is the GTIN of A1."}]


def test_the_base_unit_of_an_item_never_changes(shop: Shop) -> None:
    send(shop, f"{HEAD}\n{GOOD}\n")
    answer = send(shop, f"{HEAD}\n{GOOD.replace('100 piece', '50 pair')}\n")
    assert answer.json["errors"][0]["column"] == "unit_chain"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"sku,name\nA,B\n",
        b"sku,name,item_class,unit_chain,colour\n",
        b"sku,sku,name,item_class,unit_chain\n",
        b"\xff\xfe\x00",
        f"{HEAD}\nA,B\n".encode(),
        f'{HEAD}\n"A,B\n'.encode(),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(shop: Shop, content: bytes) -> None:
    assert send(shop, content).status_code == 422


def test_a_byte_order_mark_and_empty_rows_do_no_harm(shop: Shop) -> None:
    content = "\ufeff" + f"{HEAD}\r\n\r\n{GOOD}\r\n"
    assert send(shop, content.encode()).json["counts"]["items"]["created"] == 1


def test_only_csv_is_taken(shop: Shop) -> None:
    answer = shop.office().post("/imports/items", data=HEAD, content_type="application/json")
    assert answer.status_code == 415


def test_no_exported_cell_is_run_by_a_spreadsheet(shop: Shop) -> None:
    name = "=HYPERLINK(1)"
    assert send(shop, f"{HEAD}\n{GOOD.replace('Gloves', name)}\n").json["status"] == "succeeded"
    assert [row["name"] for row in rows(shop, "items")] == [f"'{name}"]
    again = send(shop, shop.office("auditor").get("/exports/items").get_data())
    assert again.json["counts"]["items"]["unchanged"] == 1


@given(st.text())
def test_disarming_a_cell_loses_nothing(text: str) -> None:
    assert armed(disarmed(text)) == text
    assert not disarmed(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_another_organization_sees_neither_items_nor_imports(shop: Shop) -> None:
    job = send(shop, f"{HEAD}\n{GOOD}\n").json
    stranger = Shop(shop.app, shop.keys)
    assert stranger.office().get(f"/imports/{job['id']}").status_code == 404
    assert stranger.office().get("/imports").json["items"] == []
    assert rows(stranger, "items") == []
