"""Which rows a caller may reach at an address, and what everybody else is told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from services.gateway.door.scoping import Address, Caller, Outcome, resolve
from services.gateway.policies import engine as engines
from services.gateway.policies.engine import Engine
from services.gateway.principals.snapshot import Agreement, Grant, Period
from shared import clock
from shared.tenancy import Scope
from tests.gateway.door import franchise as f

ENGINE = Engine({"wall.cedar": engines.files()["wall.cedar"], "test.cedar": f.PERMITS})
NETWORK = Address("network")


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(datetime(2026, 11, 22, 12, tzinfo=UTC)):
        yield


def at(place: str) -> Address:
    return Address("location", f.named(place))


def of(entity: str) -> Address:
    return Address("entity", f.named(entity))


def ask(operation: object, address: Address, caller: Caller) -> Outcome:
    return resolve(ENGINE, operation, address, caller)  # type: ignore[arg-type]


MANAGER = f.make_caller(f.make_grant("location_manager", "location", "Oakland", limit="500"))
BUYER = f.make_caller(f.make_grant("network_buyer", limit="5000"))
OWNER_OF_MESA = f.make_caller(
    f.make_grant("clinical_entity_owner", "legal_entity", "Mesa Aesthetics PLLC"), plane="clinical"
)


def test_a_manager_gets_their_own_site_and_the_entity_that_practises_there() -> None:
    outcome = ask(f.DRAFT, at("Oakland"), MANAGER)
    assert outcome.scope == Scope(f.FRANCHISE.id, "location", (f.OAKLAND.id,), (f.LAKESIDE.id,))
    assert outcome.roles == {"location_manager"}
    assert outcome.limits == {"approval": Decimal(500)}


@pytest.mark.parametrize("place", ["Fresno", "Albany", "nowhere"])
def test_a_site_that_nothing_covers_is_as_unknown_as_one_that_is_not_there(place: str) -> None:
    outcome = ask(f.DRAFT, at(place), MANAGER)
    assert outcome == ask(f.DRAFT, at("a place of another organization"), MANAGER)
    assert outcome.policy.name == "wall.not-yours"


def test_a_site_is_not_an_entity_and_an_entity_is_not_a_site() -> None:
    assert ask(f.JOURNAL, of("Oakland"), BUYER).policy.name == "wall.not-yours"
    assert ask(f.DRAFT, at("Lakeside Aesthetics PC"), BUYER).policy.name == "wall.not-yours"


def test_a_grant_over_a_site_opens_no_books_of_its_entity() -> None:
    assert ask(f.JOURNAL, of("Lakeside Aesthetics PC"), MANAGER).policy.name == "wall.not-yours"


def test_a_grant_over_a_region_covers_its_sites_only() -> None:
    buyer = f.make_caller(f.make_grant("network_buyer", "region", "east"))
    assert ask(f.DRAFT, at("Albany"), buyer).allowed
    assert not ask(f.DRAFT, at("Oakland"), buyer).allowed


def test_a_region_of_none_matches_no_site_without_a_region() -> None:
    site = f.make_location("Reno", f.LAKESIDE)
    adrift = f.make_caller(Grant("network_buyer", "region", None, f.ALWAYS), organization=f.make_organization(site))
    assert not ask(f.DRAFT, at("Reno"), adrift).allowed


def test_an_owner_gets_every_site_of_their_entity_and_no_other() -> None:
    owner = f.make_caller(
        f.make_grant("clinical_entity_owner", "legal_entity", "Lakeside Aesthetics PC"), plane="clinical"
    )
    assert ask(f.DRAFT, at("Fresno"), owner).allowed
    assert ask(f.DRAFT, at("Albany"), owner).policy.name == "wall.not-yours"
    scope = ask(f.JOURNAL, of("Lakeside Aesthetics PC"), owner).scope
    assert scope == Scope(f.FRANCHISE.id, "entity", (f.OAKLAND.id, f.FRESNO.id), (f.LAKESIDE.id,))


def test_a_grant_on_the_mso_opens_its_own_books_and_no_clinical_entity() -> None:
    controller = f.make_caller(f.make_grant("controller", "legal_entity", "Glow MSO"))
    assert ask(f.JOURNAL, of("Glow MSO"), controller).scope == Scope(f.FRANCHISE.id, "entity", (), (f.MSO.id,))
    assert not ask(f.JOURNAL, of("Lakeside Aesthetics PC"), controller).allowed


def test_an_agreement_that_ended_yesterday_closes_the_site_to_the_business_side_only() -> None:
    assert ask(f.DRAFT, at("Tucson"), BUYER).policy.name == "wall.agreement-in-force"
    assert ask(f.DRAFT, at("Tucson"), OWNER_OF_MESA).allowed


def test_an_agreement_still_holds_on_its_last_day_where_the_site_lies() -> None:
    last_day = f.make_entity("Late PC", agreements=(Agreement(Period(date(2025, 1, 1), f.YESTERDAY), f.ALL_SERVICES),))
    early = f.make_location("Honolulu", last_day, zone="Pacific/Honolulu")
    buyer = f.make_caller(f.make_grant("network_buyer"), organization=f.make_organization(early))
    with clock.frozen(datetime(2026, 11, 22, 9, 59, tzinfo=UTC)):
        assert ask(f.DRAFT, at("Honolulu"), buyer).allowed
    with clock.frozen(datetime(2026, 11, 22, 10, 1, tzinfo=UTC)):
        assert not ask(f.DRAFT, at("Honolulu"), buyer).allowed


def test_the_directory_itself_stays_readable_after_an_agreement_ended() -> None:
    assert ask(f.SITE, at("Tucson"), BUYER).allowed


def test_an_entity_list_leaves_out_its_sites_without_an_agreement() -> None:
    open_site = f.make_location("Dallas", f.LAKESIDE)
    closed_site = f.make_location("Austin", f.LAKESIDE, agreements=f.ENDED)
    controller = f.make_caller(f.make_grant("controller"), organization=f.make_organization(open_site, closed_site))
    scope = ask(f.JOURNAL, of("Lakeside Aesthetics PC"), controller).scope
    assert scope is not None
    assert scope.locations == (open_site.id,)


def test_roles_of_the_other_plane_do_not_count() -> None:
    both = (
        f.make_grant("network_buyer"),
        f.make_grant("medical_director", "legal_entity", "Lakeside Aesthetics PC"),
    )
    on_business, on_clinical = f.make_caller(*both), f.make_caller(*both, plane="clinical")
    assert ask(f.APPROVE, of("Lakeside Aesthetics PC"), on_business).policy.name == "wall.reserved-decision"
    assert ask(f.APPROVE, of("Lakeside Aesthetics PC"), on_clinical).roles == {"medical_director"}


def test_somebody_known_here_on_the_other_plane_only_is_told_so() -> None:
    outcome = ask(f.DRAFT, at("Tucson"), f.make_caller(*OWNER_OF_MESA.grants, plane="business"))
    assert outcome.policy.name == "wall.other-plane"


@pytest.mark.parametrize(
    "period",
    [Period(date(2025, 1, 1), f.YESTERDAY), Period(date(2026, 11, 23)), Period(date(2025, 1, 1), date(2025, 2, 1))],
)
def test_a_grant_counts_only_between_its_dates(period: Period) -> None:
    caller = f.make_caller(f.make_grant("location_manager", "location", "Oakland", period=period))
    assert ask(f.DRAFT, at("Oakland"), caller).policy.name == "wall.not-yours"


def test_a_grant_counts_its_days_where_its_scope_lies() -> None:
    site = f.make_location("Honolulu", f.make_entity("Aloha PC", zone="Pacific/Honolulu"), zone="Pacific/Honolulu")
    organization = f.make_organization(site)
    from_today = Period(f.TODAY)
    manager = f.make_caller(
        f.make_grant("location_manager", "location", "Honolulu", period=from_today), organization=organization
    )
    buyer = f.make_caller(f.make_grant("network_buyer", period=from_today), organization=organization)
    with clock.frozen(datetime(2026, 11, 22, 9, 59, tzinfo=UTC)):
        assert not ask(f.DRAFT, at("Honolulu"), manager).allowed
        assert ask(f.DRAFT, at("Honolulu"), buyer).allowed
    with clock.frozen(datetime(2026, 11, 22, 10, 1, tzinfo=UTC)):
        assert ask(f.DRAFT, at("Honolulu"), manager).allowed


def test_a_network_list_shows_only_the_sites_where_the_caller_may() -> None:
    scope = ask(f.LIST, NETWORK, BUYER).scope
    assert scope is not None
    assert set(scope.locations or ()) == {f.OAKLAND.id, f.FRESNO.id, f.ALBANY.id}
    assert set(scope.entities or ()) == {f.LAKESIDE.id, f.HUDSON.id, f.MSO.id}
    assert scope.office


def test_a_network_list_of_one_manager_is_their_one_site() -> None:
    scope = ask(f.LIST, NETWORK, MANAGER).scope
    assert scope == Scope(f.FRANCHISE.id, "network", (f.OAKLAND.id,), (f.LAKESIDE.id,))


def test_a_network_list_is_whole_only_when_every_place_is_open_through_a_grant_on_the_organization() -> None:
    buyer = f.make_caller(f.make_grant("network_buyer"), organization=f.WITHOUT_MESA)
    assert ask(f.LIST, NETWORK, buyer).scope == Scope.whole(f.FRANCHISE.id)
    piecewise = f.make_caller(
        f.make_grant("clinical_entity_owner", "legal_entity", "Lakeside Aesthetics PC"),
        plane="clinical",
        organization=f.make_organization(f.OAKLAND),
    )
    scope = ask(f.LIST, NETWORK, piecewise).scope
    assert scope is not None
    assert scope.locations == (f.OAKLAND.id,)


def test_only_a_grant_over_the_organization_that_allows_the_operation_makes_the_office() -> None:
    region = f.make_grant("network_buyer", "region", "west")
    regional = ask(f.LIST, NETWORK, f.make_caller(region)).scope
    elsewhere = ask(f.LIST, NETWORK, f.make_caller(region, f.make_grant("ops"))).scope
    assert regional is not None and elsewhere is not None
    assert not regional.office and not elsewhere.office


def test_a_network_limit_is_the_smallest_of_its_sites() -> None:
    caller = f.make_caller(
        f.make_grant("location_manager", "location", "Oakland", limit="500"),
        f.make_grant("location_manager", "location", "Albany", limit="9000"),
    )
    assert ask(f.LIST, NETWORK, caller).limits == {"approval": Decimal(500)}
    unlimited_nowhere = f.make_caller(
        f.make_grant("location_manager", "location", "Oakland"),
        f.make_grant("location_manager", "location", "Albany", limit="9000"),
    )
    assert ask(f.LIST, NETWORK, unlimited_nowhere).limits == {"approval": Decimal(0)}


def test_a_network_list_is_refused_where_no_site_is_open() -> None:
    only_mesa = f.make_caller(f.make_grant("location_manager", "location", "Tucson"))
    assert ask(f.LIST, NETWORK, only_mesa).policy.name == "wall.agreement-in-force"
    assert ask(f.LIST, NETWORK, f.make_caller()).policy.name == "wall.not-yours"
    assert ask(f.LIST, NETWORK, f.make_caller(*OWNER_OF_MESA.grants)).policy.name == "wall.other-plane"


def test_things_of_the_organization_need_a_grant_over_all_of_it() -> None:
    assert ask(f.VENDOR, NETWORK, BUYER).scope == Scope(f.FRANCHISE.id, "organization")
    regional = f.make_caller(f.make_grant("network_buyer", "region", "west"))
    assert not ask(f.VENDOR, NETWORK, regional).allowed


def test_an_organization_without_sites_is_open_to_those_who_hold_all_of_it() -> None:
    empty = f.make_organization()
    assert ask(f.SITE, NETWORK, f.make_caller(f.make_grant("franchise_admin"), organization=empty)).allowed
    assert not ask(f.SITE, NETWORK, f.make_caller(organization=empty)).allowed


def test_a_purpose_grant_opens_one_entity_only() -> None:
    biller = f.make_caller(f.make_grant("biller"), purposes=((f.HUDSON.id, f.ALWAYS),))
    assert ask(f.ACCOUNT, at("Albany"), biller).allowed
    assert ask(f.ACCOUNT, at("Oakland"), biller).policy.name == "wall.patient-data"
    over = f.make_caller(f.make_grant("biller"), purposes=((f.HUDSON.id, Period(date(2025, 1, 1), f.YESTERDAY)),))
    assert not ask(f.ACCOUNT, at("Albany"), over).allowed
