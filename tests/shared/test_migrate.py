"""Migrations beside each other and beside what runs."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from shared import migrate, revisions
from shared.settings import Settings
from tests.support.databases import Cluster
from tests.support.patience import until

_INDEX = '''"""An index that is built beside the work."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix_person_beside", "person", ["id"], postgresql_concurrently=True)
'''
_UPGRADE = """
import sys
from alembic import command
from shared import migrate

chosen = migrate.config("hr", sys.argv[1])
chosen.set_main_option("script_location", sys.argv[2])
command.upgrade(chosen, "head")
"""


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations of hr and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.ROOT / "services" / "hr" / "migrations", folder)
    step = _INDEX.format(revision="9999", before=revisions.head("hr"))
    (folder / "versions" / "9999_index.py").write_text(step)
    return folder


def upgrading(url: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _UPGRADE, url, str(folder)]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=migrate.ROOT, **options)


def test_two_migrate_at_once_though_one_builds_an_index_beside_the_work(
    make_settings: Callable[..., Settings], next_release: Path
) -> None:
    url = str(make_settings("hr").owner_database_url)
    with psycopg.connect(url) as work, psycopg.connect(url, autocommit=True) as watch:
        work.execute("lock table person in row exclusive mode")  # the index waits for what is begun
        running = [upgrading(url, next_release)]
        wait_for_session(watch, "query ilike 'create index concurrently%' and wait_event_type = 'Lock'")
        running.append(upgrading(url, next_release))
        wait_for_session(watch, "query ilike '%advisory_lock%' and pid <> pg_backend_pid()")
        work.rollback()
        said = [process.communicate(timeout=120)[0] for process in running]
        assert [process.returncode for process in running] == [0, 0], said
        valid = "select indisvalid from pg_index where indexrelid = 'ix_person_beside'::regclass"
        assert watch.execute(valid).fetchall() == [(True,)]


def wait_for_session(watch: psycopg.Connection[Any], condition: str) -> None:
    """Until some session in this database fulfils the condition."""
    query = f"select 1 from pg_stat_activity where datname = current_database() and {condition}"
    assert until(lambda: watch.execute(query).fetchall(), 120), condition


@pytest.mark.parametrize(("revision", "status"), [("9999", 200), (None, 503)])
def test_a_process_serves_while_its_database_is_ahead_and_not_while_it_is_behind(
    make_app: Callable[..., Flask], cluster: Cluster, revision: str | None, status: int
) -> None:
    app = make_app("hr")
    engine = create_engine(
        str(app.extensions["partywall"].settings.owner_database_url).replace("://", "+psycopg://", 1)
    )
    with engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))
        if revision:
            connection.execute(text("insert into alembic_version values (:revision)"), {"revision": revision})
    engine.dispose()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == status, answer.text


def test_an_earlier_revision_of_this_code_is_behind() -> None:
    newest = revisions.head("hr")
    assert not revisions.is_behind("hr", newest)
    assert revisions.is_behind("hr", None) and not revisions.is_behind("hr", "9999")
