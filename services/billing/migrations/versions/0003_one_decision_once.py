"""one decision of the gateway lets one reserved decision be taken."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ONCE = "uq_reserved_decision_organization_id_gateway_decision_id"


def upgrade() -> None:
    # Of the few rows there are, each came through the gateway with an id of its own: both hold the table for a moment.
    op.alter_column("reserved_decision", "gateway_decision_id", existing_type=sa.Uuid(), nullable=False)
    op.create_unique_constraint(ONCE, "reserved_decision", ["organization_id", "gateway_decision_id"])


def downgrade() -> None:
    op.drop_constraint(ONCE, "reserved_decision", type_="unique")
    op.alter_column("reserved_decision", "gateway_decision_id", existing_type=sa.Uuid(), nullable=True)
