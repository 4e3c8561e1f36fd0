"""The SQL that writes a requisition: number, header and lines in one statement, for it is the most frequent write."""

from services.procurement.requisitions.models import RequisitionLine
from shared import numbers
from shared.sql import Sql, rows_insert

LINE = (
    "id",
    "organization_id",
    "location_id",
    "requisition_id",
    "position",
    "item_id",
    "sku",
    "item_name",
    "item_class",
    "vendor_id",
    "vendor_sku",
    "quantity",
    "unit",
    "unit_numerator",
    "unit_denominator",
    "base_quantity",
    "unit_price",
    "amount",
)
DRAFT = Sql(
    f"""with series as ({numbers.CLAIM}), drafted as (
  insert into requisition (
    id, organization_id, location_id, legal_entity_id, version, number, status, requester_id, requester_name, need_by,
    note, total, drafted_at, submitted_at)
  select :id, :organization_id, :location_id, :legal_entity_id, 1, series.number, :status, :requester_id,
    :requester_name, cast(:need_by as date), cast(:note as text), :total, :drafted_at,
    cast(:submitted_at as timestamptz)
  from series), lines as ({rows_insert(RequisitionLine, LINE, "lines")})
select number from series"""
)
