"""Migrations while people work: the same ones again and again, and a next release's, by two at once; then back."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

from deploy.demo.client import Answer
from deploy.local.instance import ROOT
from shared.revisions import head
from tests.proof.races import revenue
from tests.proof.races.buying import AT, order
from tests.proof.races.crowd import Call, post
from tests.proof.races.ground import Ground
from tests.proof.races.processes import environment, is_ready
from tests.proof.races.race import Round, race, require

CHANGED = {
    "procurement": ("requisition", "purchase_order", "idempotency_key", "pending", "event_log"),
    "billing": ("invoice", "journal_entry", "charge"),
}
_PAUSE_SECONDS = 0.05  # between the requests of one of them: the migrations run on the same cores
# A table a transaction: who holds one table exclusively must not wait for another that a request holds.
_NEXT = '''"""What a next release adds: a column and, built beside the work, an index."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None
TABLES = {tables!r}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.add_column(table, sa.Column("raced", sa.Text(), nullable=True))
        op.create_index("ix_raced", TABLES[0], ["raced"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_raced", postgresql_concurrently=True)
        for table in TABLES:
            op.drop_column(table, "raced")
'''
_BACK = (
    "import sys; from alembic import command; from shared.migrate import config;"
    " command.downgrade(config(*sys.argv[1:]), '-1')"
)


def next_release(ground: Ground) -> Path:
    """A copy of the services with one more migration in two of them; made once."""
    copy = ground.platform.folder / "next-release"
    if ground.first("next release"):
        for part in ("services", "shared"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for service, tables in CHANGED.items():
            step = copy / "services" / service / "migrations" / "versions" / "9999_next.py"
            step.write_text(_NEXT.format(head=head(service), tables=tables))
    return copy


def _run(ground: Ground, where: Path, *arguments: str) -> subprocess.Popen[str]:
    owner = {"OWNER_DATABASE_URL": ground.platform.owner_url("{service}")}
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=where, env=environment(ground.platform.state, **owner),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _finish(running: Sequence[subprocess.Popen[str]]) -> None:
    """Wait for them all; each must end well. Raises Broken."""
    said = [process.communicate()[0] for process in running]
    for process, words in zip(running, said, strict=True):
        require(process.returncode == 0, f"a migration ended with {process.returncode}: {words[-2000:]}")


def _migrate(ground: Ground) -> int:
    """Today's migrations twice at once, then the next release's twice at once, then back; 1 where all is as it was."""
    copy = next_release(ground)
    _finish([_run(ground, ROOT, "-m", "services", "migrate", "all") for _ in range(2)])
    _finish([_run(ground, copy, "-m", "services", "migrate", "all") for _ in range(2)])
    for service, tables in CHANGED.items():
        require(_added(ground, service) == len(tables), f"{service} has the new columns and the index")
    ports = ground.platform.state["ports"]
    require(all(is_ready(port) for port in ports.values()), "a service is not ready for a database that is ahead")
    back = [_run(ground, copy, "-c", _BACK, each, ground.platform.owner_url(each)) for each in CHANGED]
    _finish(back)
    return int(not any(_added(ground, service) for service in CHANGED))


def _added(ground: Ground, service: str) -> int:
    """How many tables have the new column, the index being valid."""
    query = (
        "select 1 from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r'"
        " where a.attname = 'raced' and exists (select 1 from pg_index where indisvalid"
        " and indexrelid = to_regclass('ix_raced'))"
    )
    return len(ground.machinery(service, query))


@race("people work while the databases are migrated to the next release and back", every=10)
def while_serving(ground: Ground) -> Round:
    done = Event()
    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(_repeat, work, done) for work in _works(ground)]
        try:
            outcome = _migrate(ground)
        finally:
            done.set()
        answers = [answer for each in working for answer in each.result()]
    return Round(answers, outcome)


def _works(ground: Ground) -> list[Call]:
    """A requisition, a list, an invoice; to be repeated."""
    dana, at = ground.person("dana.reyes"), ground.stage.site(AT, "procurement")
    lines = [{**ground.items["paper"], "quantity": "1"}]
    order(ground)

    def ask() -> Answer:
        return post(dana, f"{at}/requisitions", {"lines": lines, "submit": True})()

    def bill() -> Answer:
        (account,) = revenue.accounts(ground)
        path = f"{ground.stage.site(AT, 'billing')}/invoices"
        return post(ground.person("tess.ortiz"), path, {"account_id": account})()

    return [ask, partial(dana.call, "GET", f"{at}/orders"), bill]


def _repeat(work: Call, done: Event) -> list[Answer]:
    answers = [work()]
    while not done.wait(_PAUSE_SECONDS):
        answers.append(work())
    return answers
