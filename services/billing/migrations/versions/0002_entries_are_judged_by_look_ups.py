"""Entries are judged by look-ups, whatever the size of the books was when their plan was made."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
CREATE OR REPLACE FUNCTION ledger_lines_balance() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT 1
    FROM (
      SELECT organization_id, legal_entity_id, entry_id, sum(debit) AS debit, sum(credit) AS credit,
        count(*) AS lines, min(position) AS first, max(position) AS last
      FROM added GROUP BY 1, 2, 3
    ) a
    WHERE NOT coalesce((
      SELECT e.organization_id = a.organization_id AND e.legal_entity_id = a.legal_entity_id
        AND e.total = a.debit AND e.total = a.credit
        AND e.line_count = a.lines AND a.first = 1 AND e.line_count = a.last
      FROM journal_entry e WHERE e.id = a.entry_id
    ), false)
  ) THEN
    RAISE EXCEPTION 'debits and credits of a journal entry must be equal' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""
    )
    op.execute(
        """
CREATE OR REPLACE FUNCTION ledger_entries_have_lines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added a
    WHERE (
      SELECT l.position FROM journal_line l
      WHERE l.organization_id = a.organization_id AND l.legal_entity_id = a.legal_entity_id AND l.entry_id = a.id
      ORDER BY l.position LIMIT 1
    ) IS DISTINCT FROM 1
  ) THEN
    RAISE EXCEPTION 'a journal entry comes with its lines' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""
    )


def downgrade() -> None:
    op.execute(
        """
CREATE OR REPLACE FUNCTION ledger_lines_balance() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT 1
    FROM (
      SELECT organization_id, legal_entity_id, entry_id, sum(debit) AS debit, sum(credit) AS credit,
        count(*) AS lines, min(position) AS first, max(position) AS last
      FROM added GROUP BY 1, 2, 3
    ) a
    LEFT JOIN journal_entry e ON e.id = a.entry_id
    WHERE e.id IS NULL OR e.organization_id <> a.organization_id OR e.legal_entity_id <> a.legal_entity_id
      OR a.debit <> e.total OR a.credit <> e.total
      OR a.lines <> e.line_count OR a.first <> 1 OR a.last <> e.line_count
  ) THEN
    RAISE EXCEPTION 'debits and credits of a journal entry must be equal' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""
    )
    op.execute(
        """
CREATE OR REPLACE FUNCTION ledger_entries_have_lines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added a
    WHERE NOT EXISTS (
      SELECT 1 FROM journal_line l
      WHERE l.organization_id = a.organization_id AND l.legal_entity_id = a.legal_entity_id
        AND l.entry_id = a.id AND l.position = 1
    )
  ) THEN
    RAISE EXCEPTION 'a journal entry comes with its lines' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""
    )
