"""Every route of every service declares an operation that the wall can decide on."""

import inspect
import re
from collections.abc import Callable

import pytest
from flask import Flask

from services.gateway.app import create_directory
from shared.settings import SERVICES
from shared.web.app import operation_of
from shared.web.operations import Operation

# The only routes that anybody may call without a context token, on purpose; a new one must be added here.
OPEN = {
    "gateway.door.enter",  # authenticates and decides itself
    "gateway.api.asset",
    "gateway.api.page",
    "gateway.api.problems",
    "gateway.api.read",
    "gateway.api.start",
    "gateway.session.change_password",
    "gateway.session.change_plane",
    "gateway.session.end",
    "gateway.session.read",
    "gateway.session.refresh",
    "gateway.session.start",
    "shared.feed.read",  # asks for a service's own token
    "shared.health.live",
    "shared.health.ready",
}


def operations(app: Flask) -> dict[str, list[tuple[str, Operation]]]:
    found: dict[str, list[tuple[str, Operation]]] = {}
    for rule in app.url_map.iter_rules():
        declared = operation_of(app, rule.endpoint)
        assert declared is not None, rule.rule
        found.setdefault(declared.operation, []).append((rule.rule, declared))
    return found


@pytest.fixture
def inside(make_app: Callable[..., Flask]) -> Callable[[str], Flask]:
    """The app of a service whose operations go through the wall; of the gateway, its directory."""
    return lambda service: (
        create_directory(make_app(service).extensions["partywall"].settings)
        if (service == "gateway")
        else make_app(service)
    )


@pytest.mark.parametrize("service", SERVICES)
def test_operation_names_are_service_noun_verb_and_unique(inside: Callable[[str], Flask], service: str) -> None:
    for name, routes in operations(inside(service)).items():
        assert re.fullmatch(rf"(shared|{service})(\.[a-z_]+){{2}}", name), name
        assert len(routes) == 1, f"{name} stands on {[rule for rule, _ in routes]}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_without_scope_is_open_on_purpose(make_app: Callable[..., Flask], service: str) -> None:
    opened = {
        name for name, routes in operations(make_app(service)).items() for _, declared in routes if not declared.scopes
    }
    assert opened - OPEN == set()


@pytest.mark.parametrize("service", SERVICES)
def test_what_takes_a_reserved_decision_is_on_the_clinical_plane(inside: Callable[[str], Flask], service: str) -> None:
    for name, routes in operations(inside(service)).items():
        for _, declared in routes:
            assert declared.reserved is None or (declared.plane == "clinical" and declared.writes), name


@pytest.mark.parametrize("service", SERVICES)
def test_what_asks_for_if_match_says_so_to_its_callers(inside: Callable[[str], Flask], service: str) -> None:
    app = inside(service)
    for rule in app.url_map.iter_rules():
        declared = operation_of(app, rule.endpoint)
        asks = "require_match(" in inspect.getsource(inspect.unwrap(app.view_functions[rule.endpoint]))
        assert declared is not None and bool(declared.versioned) == asks, rule.rule
