"""Who is who in the demo franchise: companies, sites, agreements, people. Everybody and everything here is made up."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

SLUG, NAME = "lumina", "Lumina Med Spa"
MSO = "Lumina Management LLC"
EVERY_SERVICE = ["procurement", "hr", "billing", "marketing", "facilities", "it", "bookkeeping"]


@dataclass(frozen=True, slots=True)
class Company:
    """A legal entity; an NPI and an EIN only where one is needed, with right check digits."""

    key: str
    name: str
    kind: str
    state: str
    form: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Site:
    """A location and the practice that works there."""

    code: str
    name: str
    practice: str
    locality: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a person: over the organization, a site (its code) or a company (its key)."""

    role: str
    over: str = "organization"
    limit: str | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Human:
    """Somebody with an account."""

    key: str
    name: str
    roles: tuple[Role, ...]

    @property
    def email(self) -> str:
        return f"{self.key}@lumina.example"


COMPANIES = (
    Company("mso", MSO, "mso", "TX", "LLC", "America/Chicago"),
    Company("CA", "Lakeside Aesthetics PC", "clinical_entity", "CA", "PC", "America/Los_Angeles"),
    Company("NY", "Hudson Skin Medicine PLLC", "clinical_entity", "NY", "PLLC", "America/New_York"),
    Company("TX", "Lone Star Aesthetic Physicians PLLC", "clinical_entity", "TX", "PLLC", "America/Chicago"),
    Company("AZ", "Saguaro Skin PLLC", "clinical_entity", "AZ", "PLLC", "America/Phoenix"),
)
SITES = (
    Site("OAK", "Lumina Oakland", "CA", "Oakland"),
    Site("SJC", "Lumina San Jose", "CA", "San Jose"),
    Site("BKN", "Lumina Brooklyn", "NY", "New York City"),
    Site("AUS", "Lumina Austin", "TX", "Austin"),
    Site("DAL", "Lumina Dallas", "TX", "Dallas"),
    Site("SCT", "Lumina Scottsdale", "AZ", "Scottsdale"),
)


def today() -> date:
    """The day it is in California, where the demo franchise's day begins last: no site is behind it."""
    return datetime.now(ZoneInfo("America/Los_Angeles")).date()


def term(practice: str, today: date) -> tuple[date, date]:
    """First and last day of a practice's agreement: in force for all but AZ, whose ended yesterday."""
    begin = date(today.year - 1, 1, 1)
    return (begin, today - timedelta(days=1)) if practice == "AZ" else (begin, date(today.year + 2, 12, 31))


def _owner(key: str, name: str, practice: str, licence: str) -> Human:
    return Human(key, name, (Role("clinical_entity_owner", practice, licence=licence),))


def _director(key: str, name: str, practice: str, licence: str) -> Human:
    return Human(key, name, (Role("medical_director", practice, licence=licence),))


ADMINISTRATOR = Human("avery.cole", "Avery Cole", (Role("franchise_admin"),))
OWNERS = (
    _owner("dr.nakamura", "Dr. Emi Nakamura", "CA", "CA A104512"),
    _owner("dr.weiss", "Dr. Jonah Weiss", "NY", "NY 231877"),
    _owner("dr.delgado", "Dr. Ana Delgado", "TX", "TX P5521"),
    _owner("dr.begay", "Dr. Lena Begay", "AZ", "AZ 40981"),
)
DIRECTORS = (
    _director("dr.osei", "Dr. Kofi Osei", "CA", "CA A118830"),
    _director("dr.romano", "Dr. Livia Romano", "NY", "NY 240015"),
    _director("dr.whitfield", "Dr. Sam Whitfield", "TX", "TX Q1204"),
    _director("dr.tsosie", "Dr. Mary Tsosie", "AZ", "AZ 41277"),
)
PROVIDERS = (Human("nora.kim", "Nora Kim NP", (Role("provider", "OAK", licence="CA NP95012"),)),)
BUSINESS = (
    Human("priya.shah", "Priya Shah", (Role("network_buyer", limit="2500.00"),)),
    Human("marcus.bell", "Marcus Bell", (Role("people_partner"),)),
    Human("tess.ortiz", "Tess Ortiz", (Role("biller"),)),
    Human("gil.fontaine", "Gil Fontaine", (Role("controller", limit="25000.00"),)),
    Human("ruth.adler", "Ruth Adler", (Role("compliance_officer"),)),
    Human("dana.reyes", "Dana Reyes", (Role("location_manager", "OAK", limit="500.00"),)),
    Human("lou.martin", "Lou Martin", (Role("location_manager", "BKN", limit="500.00"),)),
    Human("kay.brooks", "Kay Brooks", (Role("location_manager", "SCT", limit="500.00"),)),
    Human("finn.hart", "Finn Hart", (Role("front_desk", "OAK"),)),
    Human("ivy.chan", "Ivy Chan", (Role("auditor"),)),
    Human("max.stone", "Max Stone", (Role("ops"),)),
)
# One person on both planes: runs the Austin site, and treats patients there. A session is one or the other.
BOTH = (Human("jo.rivera", "Jo Rivera RN", (Role("location_manager", "AUS", limit="500.00"),)),)
BOTH_CLINICAL = Role("provider", "AUS", licence="TX RN771204")
MACHINE, MACHINE_ROLE = "Lakeside EHR", "clinical_system"
EVERYBODY = (ADMINISTRATOR, *OWNERS, *DIRECTORS, *PROVIDERS, *BUSINESS, *BOTH)
