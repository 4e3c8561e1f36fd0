"""The purchase order as a page the vendor gets."""

from decimal import Decimal

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from services.procurement.orders.models import OrderLine, PurchaseOrder, plain
from services.procurement.vendors.models import Vendor
from shared.directory import KnownEntity, KnownLocation

INK, GREY, RULE, SHADE = (33, 37, 41), (110, 116, 122), (200, 204, 208), (244, 245, 247)
WIDTHS = (9, 28, 69, 18, 22, 22, 22)
HEADS = ("#", "Your item", "Item", "Qty", "Unit", "Unit price", "Amount")
RIGHT = {3, 5, 6}


class _Page(FPDF):
    """A letter page with the order's number below."""

    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(format="letter")
        self.order = order
        self.core_fonts_encoding = "cp1252"
        self.set_creation_date(order.placed_at)
        self.set_title(f"Purchase order {order.number}")
        self.set_author(_plain(order.buyer_name))
        self.set_margins(13, 14)
        self.set_auto_page_break(True, margin=20)
        self.alias_nb_pages()
        self.add_page()

    def footer(self) -> None:
        self.set_y(-14)
        self.ink(8, GREY)
        self.cell(0, 5, f"{self.order.number}, version {self.order.revision}", align="L")
        self.set_x(13)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")

    def ink(self, size: int, colour: tuple[int, int, int] = INK, style: str = "") -> None:
        self.set_font("helvetica", style, size)
        self.set_text_color(*colour)

    def line_of(self, text: str, height: float = 5) -> None:
        self.cell(0, height, _plain(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def render(order: PurchaseOrder, vendor: Vendor, buyer: KnownEntity, site: KnownLocation) -> bytes:
    """The PDF's bytes; the same order in the same version gives the same page."""
    page = _Page(order)
    _heading(page, order, buyer)
    top = page.get_y()
    _party(page, 13, top, "Vendor", _vendor_lines(vendor))
    _party(page, 112, top, "Ship to", _site_lines(site, buyer))
    page.set_y(top + 38)
    _terms(page, order, vendor)
    _table(page, order.lines)
    _total(page, order)
    return bytes(page.output())


def _heading(page: _Page, order: PurchaseOrder, buyer: KnownEntity) -> None:
    page.ink(9, GREY)
    page.line_of("PURCHASE ORDER")
    page.ink(20, style="B")
    page.line_of(order.number, 10)
    page.ink(11)
    page.line_of(f"{buyer.name}, {buyer.state}", 6)
    page.set_draw_color(*RULE)
    page.line(13, page.get_y() + 3, 203, page.get_y() + 3)
    page.ln(8)


def _party(page: _Page, x: float, y: float, title: str, lines: list[str]) -> None:
    page.set_xy(x, y)
    page.ink(8, GREY)
    page.cell(90, 5, title.upper())
    for i, text in enumerate(lines):
        page.set_xy(x, y + 5 + 5 * i)
        page.ink(10, style="B" if i == 0 else "")
        page.cell(90, 5, _fit(page, text, 90))


def _vendor_lines(vendor: Vendor) -> list[str]:
    town = ", ".join(part for part in (vendor.locality, vendor.state) if part)
    lines = [vendor.name, vendor.street, " ".join(part for part in (town, vendor.postal_code) if part), vendor.email]
    return [text for text in (*lines, vendor.phone) if text]


def _site_lines(site: KnownLocation, buyer: KnownEntity) -> list[str]:
    town = ", ".join(part for part in (site.locality, site.state) if part)
    return [f"{site.name} ({site.code})", town, f"Bill to: {buyer.name}"]


def _terms(page: _Page, order: PurchaseOrder, vendor: Vendor) -> None:
    facts = [
        ("Ordered", order.ordered_on.isoformat()),
        ("Needed by", order.need_by.isoformat() if order.need_by else "as soon as possible"),
        ("Terms", f"net {vendor.terms_days} days"),
        ("Version", str(order.revision)),
    ]
    for name, value in facts:
        page.ink(8, GREY)
        page.cell(17, 6, name)
        page.ink(9)
        page.cell(32, 6, value)
    page.ln(10)


def _table(page: _Page, lines: list[OrderLine]) -> None:
    page.ink(9)
    page.set_draw_color(*RULE)
    with page.table(
        col_widths=WIDTHS,
        text_align=tuple("RIGHT" if i in RIGHT else "LEFT" for i in range(len(HEADS))),
        borders_layout="HORIZONTAL_LINES",
        line_height=6,
        padding=(0.6, 1.5),
    ) as table:
        table.row(HEADS)
        for line in lines:
            table.row(tuple(_plain(text) for text in _cells(line)))


def _cells(line: OrderLine) -> tuple[str, ...]:
    return (
        str(line.position),
        line.vendor_sku or line.sku,
        f"{line.item_name} ({line.sku})",
        plain(line.quantity),
        line.unit,
        _price(line.unit_price),
        f"{line.amount:,.2f}",
    )


def _price(price: Decimal) -> str:
    """Two decimals, or four where the price needs them."""
    return f"{price:,.2f}" if price == round(price, 2) else f"{price:,.4f}"


def _total(page: _Page, order: PurchaseOrder) -> None:
    page.ln(3)
    page.ink(11, style="B")
    page.cell(0, 8, f"Total USD {order.total:,.2f}", align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(4)
    page.ink(8, GREY)
    page.multi_cell(
        0,
        4,
        f"Please state {order.number} on your packing slip and bill. Lot numbers and expiry dates are required for "
        "lot-tracked goods. The bill is matched against this order and what was received.",
        align="L",
    )


def _fit(page: FPDF, text: str, width: float) -> str:
    text = _plain(text)
    while text and page.get_string_width(text) > width:
        text = text[:-2]
    return text


def _plain(text: str) -> str:
    """The page's fonts know Windows-1252; anything beyond becomes a question mark rather than an error."""
    return text.encode("cp1252", "replace").decode("cp1252")
