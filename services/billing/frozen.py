"""Rows that stay as they were written: a trigger refuses any other change, whoever asks."""


def frozen_but(table: str, *columns: str) -> tuple[str, ...]:
    """The guards of a table of which only `columns` may ever change, and no row may be deleted."""
    free = ", ".join(f"'{column}'" for column in columns)
    return (
        f"""
CREATE FUNCTION {table}_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(NEW) - array[{free}] <> to_jsonb(OLD) - array[{free}] THEN
    RAISE EXCEPTION 'a row of {table} stays as it was written' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
        f"CREATE TRIGGER {table}_is_frozen BEFORE UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {table}_is_frozen()",
    )
