"""A practice in a state whose fee rule nobody has researched joins the franchise during the story."""

import json
import secrets
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.demo.client import Person, send
from deploy.demo.people import EVERY_SERVICE, Company

if TYPE_CHECKING:
    from deploy.demo.stage import Stage

GATEWAY = "/v1/network/gateway"
COMPANY = Company("UT", "Silver Sage Skin PLLC", "clinical_entity", "UT", "PLLC", "America/Denver")
OWNER_NAME, OWNER_EMAIL = "Dr. Ren Okafor", "dr.okafor@lumina.example"


class Prospect:
    """The practice, its owner and its agreement; made once, found again by later tellings, also on later days."""

    key, company = COMPANY.key, COMPANY

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._file = Path(stage.folder) / "prospect.json"

    def owner(self) -> Person:
        """The owner of the practice."""
        return Person(self._stage.base, OWNER_EMAIL, self._known()["password"], "clinical")

    def _known(self) -> dict[str, str]:
        """The owner's password, and the day on which the practice joined."""
        return dict(json.loads(self._file.read_text()))

    def join(self) -> None:
        """Company, site, owner and signed agreement; again changes nothing."""
        if not self._file.exists():
            self._file.touch(mode=0o600)
            known = {"password": secrets.token_urlsafe(12), "joined_on": str(self._stage.today)}
            self._file.write_text(json.dumps(known))
        entity = self._company()
        site = self._site(entity)
        self._owner(entity)
        self._stage.ids |= {self.key: entity, f"agreement {self.key}": self._agreement(entity, site)}
        self._stage.tell(f"{self.company.name} of Utah joins the franchise; its owner signs an agreement")

    def _company(self) -> str:
        body = {name: getattr(self.company, name) for name in ("kind", "name", "state", "form", "time_zone")}
        return str(self._admin.post_once(f"{GATEWAY}/legal-entities", body)["id"])

    def _site(self, entity: str) -> str:
        body = {"code": "SLC", "name": "Lumina Salt Lake City", "state": "UT", "locality": "Salt Lake City"}
        body |= {"time_zone": self.company.time_zone, "legal_entity_id": entity, "status": "planned"}
        return str(self._admin.post_once(f"{GATEWAY}/locations", body)["id"])

    def _owner(self, entity: str) -> None:
        user = self._admin.post_once(f"{GATEWAY}/users", {"name": OWNER_NAME, "email": OWNER_EMAIL})["id"]
        owner = self.owner()
        credentials = {"email": owner.email, "password": owner.password, "plane": owner.plane}
        if send(self._stage.base, "POST", "/v1/sessions", credentials, {}).status == 401:
            one_time = secrets.token_urlsafe(12)
            self._admin.call("PUT", f"{GATEWAY}/users/{user}/one-time-password", {"one_time_password": one_time})
            change = {"email": owner.email, "password": one_time, "new_password": owner.password}
            send(self._stage.base, "PUT", "/v1/password", change, {})
        grant = {"user_id": user, "role": "clinical_entity_owner", "scope_kind": "legal_entity", "scope_id": entity}
        self._admin.post_once(f"{GATEWAY}/grants", grant)

    def _agreement(self, entity: str, site: str) -> str:
        # The day it joined, not today: an agreement from another day on would be another agreement.
        joined = date.fromisoformat(self._known()["joined_on"])
        body = {
            "mso_id": self._stage.ids["mso"],
            "legal_entity_id": entity,
            "location_ids": [site],
            "services": EVERY_SERVICE,
            "starts_on": str(joined),
            "ends_on": str(joined + timedelta(days=3 * 365)),
        }
        agreement = str(self._admin.post_once(f"{GATEWAY}/agreements", body)["id"])
        self.owner().post_once(
            f"/v1/entities/{entity}/gateway/agreements/{agreement}/signature", {"signed_on": str(joined)}
        )
        return agreement

    @property
    def _admin(self) -> Person:
        return self._stage.person("avery.cole")
