"""Where the races are run: a platform with two web processes a service, the demo franchise, and a practice whose
agreement goes back so far that every round finds a month without a fee."""

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date
from functools import cached_property, partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from deploy.databases import name_of
from deploy.demo.client import Answer, Person
from deploy.demo.people import EVERY_SERVICE
from deploy.demo.stage import Stage
from shared.db import Database
from shared.settings import SERVICES
from shared.tenancy import Scope
from tests.proof.races.processes import Workers
from tests.proof.races.race import Broken
from tests.support.platform import Platform

PATIENCE = 90.0  # seconds until something another process does must have happened
GATEWAY = "/v1/network/gateway"
FIRST = date(2001, 1, 1)
RACING = "racing practice"


class Ground:
    """The running platform as a race sees it. `stage` signs its people in; `rows` looks into a service's database."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.stage = Stage(platform.folder, lambda _: None).at(platform.url)
        self.scope = Scope.whole(UUID(self.stage.ids["organization"]))
        self._databases = {service: platform.database(service) for service in SERVICES}
        self._leftovers = ExitStack()
        self._more: list[Workers] = []
        for database in self._databases.values():
            self.later(database.close)
        self._numbers = itertools.count(1)
        self._months = itertools.count()
        self.nurse: dict[str, Any] | None = None
        self._prepared: set[str] = set()

    def close(self) -> None:
        """Stop what was started beside the platform, and hang up."""
        self._leftovers.close()

    def later(self, farewell: Callable[[], Any]) -> None:
        """Have something done at the end."""
        self._leftovers.callback(farewell)

    def more_workers(self, name: str, services: Sequence[str], **settings: str) -> None:
        """Further workers of these services, started once, ready on return."""
        if not self.first(name):
            return
        started = Workers(self.platform.state, services, self.platform.folder / "logs" / name, **settings)
        self.later(started.stop)
        self._more.append(started)
        self.eventually(lambda: started.ready, f"more workers of {', '.join(services)} are ready")

    def person(self, key: str, plane: str | None = None) -> Person:
        return self.stage.person(key, plane)

    def next(self) -> int:
        """1, 2, 3 ...: tells one round's subject from another's."""
        return next(self._numbers)

    def tag(self) -> str:
        """A name nothing else has."""
        return uuid4().hex[:10]

    def rows(self, service: str, query: str, **values: Any) -> list[Any]:
        """Rows of a service's database within the organization."""
        with self._databases[service].transaction(self.scope) as session:
            return list(session.execute(text(query), values))

    def one(self, service: str, query: str, **values: Any) -> Any:
        """The first column of the only row."""
        (row,) = self.rows(service, query, **values)
        return row[0]

    def machinery(self, service: str, query: str, **values: Any) -> list[Any]:
        """Rows of the tables of a service's event machinery, which belong to no organization."""
        with self._databases[service].platform_transaction() as session:
            return list(session.execute(text(query), values))

    def told(self, service: str, kind: str, aggregate: str) -> int:
        """How many events of a type a service told about one thing, sequenced or not."""
        one = "select 1 from {} where type = :kind and aggregate_id = :aggregate"
        query = f"{one.format('pending')} union all {one.format('event_log')}"
        return len(self.machinery(service, query, kind=kind, aggregate=aggregate))

    def database(self, service: str) -> Database:
        return self._databases[service]

    def worker(self, service: str) -> int:
        """The process id of a service's worker."""
        return int(self.platform.state["pids"][f"{service}-worker"])

    def check_workers(self) -> None:
        """Every further worker still runs. Raises Broken."""
        if not all(started.alive for started in self._more):
            raise Broken("a worker has ended")

    def eventually(self, look: Any, words: str) -> Any:
        """Wait until `look` finds something true. Raises Broken."""
        deadline = time.monotonic() + PATIENCE
        while not (found := look()):
            if time.monotonic() > deadline:
                raise Broken(f"{words}: not after {PATIENCE:.0f} s")
            time.sleep(0.1)
        return found

    def until_allowed(self, person: Person, path: str, body: Any) -> Answer:
        """POST, each time anew, until it works: what was granted a moment ago is known everywhere within seconds.
        Raises Broken."""
        answer = person.call("POST", path, body)
        deadline = time.monotonic() + PATIENCE
        while not answer.ok:
            if time.monotonic() > deadline:
                raise Broken(f"{person.email}: POST {path}: {answer.status} {answer.body}")
            time.sleep(0.3)
            answer = person.call("POST", path, body)
        return answer

    def deadlocks(self) -> int:
        """How many PostgreSQL has resolved in our databases since it counts; it may hear of one some seconds late."""
        names = [name_of(service) for service in SERVICES]
        with psycopg.connect(self.platform.database_url("gateway")) as connection:
            query = "select sum(deadlocks)::int from pg_stat_database where datname = any(%s)"
            row = connection.execute(query, (names,)).fetchone()
        return int(row[0]) if row else 0

    @cached_property
    def items(self) -> dict[str, dict[str, Any]]:
        """Something the MSO buys (`paper`) and something the practice buys (`gloves`), as lines without a quantity."""
        query = (
            "select distinct on (i.item_class) i.item_class, i.id, p.unit, i.unit_chain from catalog_item i"
            " join vendor_price p on p.item_id = i.id join vendor v on v.id = p.vendor_id and v.status = 'active'"
            " where i.status = 'active' and not i.lot_tracked and i.item_class in ('business', 'clinical_supply')"
            " and p.price between 50000 and 200000 order by i.item_class, i.sku, p.price"
        )
        found = {row.item_class: {"item_id": str(row.id), "unit": row.unit} for row in self.rows("procurement", query)}
        return {"paper": found["business"], "gloves": found["clinical_supply"]}

    def approve_gloves(self) -> None:
        """Gloves stand on the list of the CA practice."""
        if not self.first("gloves"):
            return
        entity = self.stage.entity("CA", "procurement")
        body = {"item_id": self.items["gloves"]["item_id"], "reason": "Gloves for the races."}
        entry = self.person("priya.shah").post_once(f"{entity}/formulary", body)
        self.person("dr.osei").post(f"{entity}/formulary/{entry['id']}/decision", {"approved": True})

    def second_controller(self) -> None:
        """Marcus Bell is a controller too, with the limit of the first."""
        if not self.first("controller"):
            return
        over = {"role": "controller", "scope_kind": "organization", "approval_limit": "25000.00"}
        self.person("avery.cole").post(f"{GATEWAY}/grants", {"user_id": self.stage.ids["marcus.bell"], **over})
        probe = self.stage.entity("mso", "billing") + "/journal"
        self.eventually(partial(self._sees, "marcus.bell", probe), "the second controller is known at the door")

    def tax_services(self) -> None:
        """How services are taxed in California is on record."""
        if not self.first("tax"):
            return
        rule = {
            "state": "CA",
            "item_class": "cosmetic_service",
            "effective_from": str(self.stage.today.replace(month=1, day=1)),
            "rate": "0",
            "source": "CDTFA Regulation 1501: services are not sales of goods",
        }
        self.person("gil.fontaine").post_once("/v1/network/billing/tax-rules", rule)

    def machine(self) -> Person:
        """The clinical system of the CA practice."""
        return self.stage.machine()

    def appoint_second_officers(self) -> None:
        """The CA practice has a second director and a second owner."""
        if not self.first("officers"):
            return
        officers, owner = f"{self.stage.entity('CA', 'gateway')}/officers", self.person("dr.nakamura")
        for key, role in (("dr.romano", "medical_director"), ("dr.weiss", "clinical_entity_owner")):
            owner.post(officers, {"user_id": self.stage.ids[key], "role": role, "licence": "CA A240015"})
        probe = f"{self.stage.entity('CA', 'procurement')}/formulary"
        for key in ("dr.romano", "dr.weiss"):
            self.eventually(partial(self._sees, key, probe), f"{key} is known at the door")

    def _sees(self, key: str, path: str) -> bool:
        return self.person(key).call("GET", path).ok

    def first(self, name: str) -> bool:
        """True the first time it is asked about `name`."""
        known = name in self._prepared
        self._prepared.add(name)
        return not known

    @cached_property
    def racing(self) -> str:
        """A practice in New York with a flat fee since 2001 and two owners; its agreement's id."""
        admin, ids = self.person("avery.cole"), self.stage.ids
        body = {"kind": "clinical_entity", "name": "Racing Skin PLLC", "state": "NY", "form": "PLLC"}
        entity = admin.post_once(f"{GATEWAY}/legal-entities", {**body, "time_zone": "America/New_York"})["id"]
        site = {"code": "RAC", "name": "Lumina Racing", "state": "NY", "locality": "Albany", "legal_entity_id": entity}
        site |= {"time_zone": "America/New_York", "opening_hours": {}}
        ids |= {RACING: entity, "RAC": admin.post_once(f"{GATEWAY}/locations", site)["id"]}
        owner = {"role": "clinical_entity_owner", "scope_kind": "legal_entity", "scope_id": entity}
        admin.post_once(f"{GATEWAY}/grants", {"user_id": ids["dr.weiss"], **owner})
        for key, role in (("dr.nakamura", "clinical_entity_owner"), ("dr.romano", "medical_director")):
            body = {"user_id": ids[key], "role": role, "licence": "NY 240015"}
            self.until_allowed(self.person("dr.weiss"), f"{self.stage.entity(RACING, 'gateway')}/officers", body)
        agreement = self._agreement(entity)
        self._flat_fee(agreement)
        return agreement

    def _agreement(self, entity: str) -> str:
        body = {
            "mso_id": self.stage.ids["mso"],
            "legal_entity_id": entity,
            "location_ids": [self.stage.ids["RAC"]],
            "services": EVERY_SERVICE,
            "starts_on": str(FIRST),
            "ends_on": str(self.stage.today.replace(year=self.stage.today.year + 2, day=1)),
        }
        agreement = str(self.person("avery.cole").post_once(f"{GATEWAY}/agreements", body)["id"])
        path = f"{self.stage.entity(RACING, 'gateway')}/agreements/{agreement}/signature"
        self.until_allowed(self.person("dr.weiss"), path, {"signed_on": str(FIRST)})
        return agreement

    def _flat_fee(self, agreement: str) -> None:
        gil, path = self.person("gil.fontaine"), self.stage.entity(RACING, "billing")
        services = ["procurement", "hr", "billing", "bookkeeping"]
        opinion = {
            "fee_model": "fee.flat_monthly",
            "valuator": "Northgate Valuation Partners",
            "valued_on": str(self.stage.today.replace(day=1)),
            "method": "Cost and market approach",
            "basis": "monthly_amount",
            "low": "15000",
            "mid": "18000",
            "high": "21000",
            "services_covered": services,
            "expires_on": str(self.stage.today.replace(year=self.stage.today.year + 1, day=1)),
            "document": "fmv-racing.pdf",
        }
        self.until_allowed(gil, f"{path}/fmv-opinions", opinion)
        terms: dict[str, Any] = {
            "agreement_id": agreement,
            "fee_model": "fee.flat_monthly",
            "effective_from": f"{FIRST:%Y-%m}",
        }
        made = self.until_allowed(
            gil, f"{path}/fee-terms", {**terms, "services": services, "monthly_amount": "18000.00"}
        )
        self.until_allowed(self.person("dr.weiss"), f"{path}/fee-terms/{made['id']}/approval", {})

    def next_month(self) -> str:
        """A month of the racing practice's agreement that has no fee yet, `2001-01` being the first."""
        number = next(self._months)
        return f"{FIRST.year + number // 12}-{number % 12 + 1:02d}"
