"""The default chart of accounts, as data: which accounts the books of each kind of legal entity open with."""

from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """Decides the statement an account stands on and the side it grows on."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    REVENUE = "revenue"
    EXPENSE = "expense"


CASH = "1000"
RECEIVABLES = "1200"
INVENTORY = "1300"
DUE_FROM = "1500"
PAYABLES = "2000"
RECEIVED_NOT_INVOICED = "2100"
SALES_TAX = "2300"
PATIENT_DEPOSITS = "2400"
DUE_TO = "2500"
SERVICE_REVENUE = "4000"
RETAIL_REVENUE = "4100"
FEE_INCOME = "4500"
SUPPLIES_USED = "5000"
WASTE = "5100"
COUNT_DIFFERENCES = "5200"
PRICE_VARIANCE = "5900"
SUPPLIES_EXPENSE = "6100"
MANAGEMENT_FEE = "6500"


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One account of the default chart. `only` names the kind of legal entity it is for; None is every kind."""

    code: str
    name: str
    kind: AccountKind
    only: str | None = None


CHART = (
    ChartLine(CASH, "Cash clearing", AccountKind.ASSET),
    ChartLine("1010", "Operating bank account", AccountKind.ASSET),
    ChartLine(RECEIVABLES, "Patient receivables", AccountKind.ASSET, "clinical_entity"),
    ChartLine(INVENTORY, "Inventory", AccountKind.ASSET),
    ChartLine(DUE_FROM, "Due from managed entities", AccountKind.ASSET, "mso"),
    ChartLine("1600", "Equipment", AccountKind.ASSET),
    ChartLine(PAYABLES, "Accounts payable", AccountKind.LIABILITY),
    ChartLine(RECEIVED_NOT_INVOICED, "Goods received not invoiced", AccountKind.LIABILITY),
    ChartLine(SALES_TAX, "Sales tax payable", AccountKind.LIABILITY),
    ChartLine(PATIENT_DEPOSITS, "Patient deposits", AccountKind.LIABILITY, "clinical_entity"),
    ChartLine(DUE_TO, "Due to management company", AccountKind.LIABILITY, "clinical_entity"),
    ChartLine("3000", "Owners' equity", AccountKind.EQUITY),
    ChartLine("3900", "Retained earnings", AccountKind.EQUITY),
    ChartLine(SERVICE_REVENUE, "Service revenue", AccountKind.REVENUE, "clinical_entity"),
    ChartLine(RETAIL_REVENUE, "Retail revenue", AccountKind.REVENUE),
    ChartLine(FEE_INCOME, "Management fee income", AccountKind.REVENUE, "mso"),
    ChartLine("4900", "Other income", AccountKind.REVENUE),
    ChartLine(SUPPLIES_USED, "Clinical supplies used", AccountKind.EXPENSE),
    ChartLine(WASTE, "Supplies wasted", AccountKind.EXPENSE),
    ChartLine(COUNT_DIFFERENCES, "Inventory count differences", AccountKind.EXPENSE),
    ChartLine(PRICE_VARIANCE, "Purchase price variance", AccountKind.EXPENSE),
    ChartLine("6000", "Wages and contractors", AccountKind.EXPENSE),
    ChartLine(SUPPLIES_EXPENSE, "Supplies expense", AccountKind.EXPENSE),
    ChartLine("6200", "Rent and occupancy", AccountKind.EXPENSE),
    ChartLine("6300", "Payment processing", AccountKind.EXPENSE),
    ChartLine("6400", "Bad debt", AccountKind.EXPENSE),
    ChartLine(MANAGEMENT_FEE, "Management fee", AccountKind.EXPENSE, "clinical_entity"),
    ChartLine("6900", "Other expense", AccountKind.EXPENSE),
)


def chart_for(entity_kind: str) -> list[ChartLine]:
    """The accounts that the books of a `mso`, `clinical_entity` or `franchisee` open with."""
    return [line for line in CHART if line.only in (None, entity_kind)]
