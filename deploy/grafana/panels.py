"""What a dashboard is made of, in Grafana's own words (schema 39): rows of panels, each a few PromQL queries."""

from dataclasses import dataclass, field
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
GREEN, AMBER, RED = "green", "orange", "red"
_COLUMNS = 24
Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A PromQL expression and what its series are called (`{{label}}` stands for a label's value)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture. `steps`: from which value on it is coloured how; the first colour holds from below."""

    title: str
    queries: tuple[Query, ...]
    says: str = ""
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 8
    height: int = 7
    steps: tuple[tuple[float | None, str], ...] = ((None, GREEN),)

    def model(self, number: int, x: int, y: int) -> Json:
        """The panel at its place on the grid."""
        return {
            "id": number,
            "title": self.title,
            "description": self.says,
            "type": self.kind,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target(place, query) for place, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._field(), "overrides": []},
            "options": _OPTIONS[self.kind],
        }

    def _target(self, place: int, query: Query) -> Json:
        now = self.kind != "timeseries"
        return {
            "refId": "ABCDEFGH"[place],
            "datasource": DATASOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": now,
            "range": not now,
            "format": "table" if self.kind == "table" else "time_series",
        }

    def _field(self) -> Json:
        steps = [{"value": value, "color": colour} for value, colour in self.steps]
        # A line keeps its own colour; a figure takes that of its value.
        mode = "palette-classic" if self.kind == "timeseries" else "thresholds"
        return {"unit": self.unit, "color": {"mode": mode}, "thresholds": {"mode": "absolute", "steps": steps}}


_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto",
    },
    "table": {"showHeader": True},
}


@dataclass(frozen=True)
class Row:
    """A heading and the panels below it, placed from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A choice at the top: the series of `query`, shown by `regex`'s group `text` and used by its group `value`."""

    name: str
    label: str
    query: str
    regex: str

    def model(self) -> Json:
        """The variable as Grafana keeps it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": f"query_result({self.query})", "refId": self.name},
            "regex": self.regex,
            "refresh": 2,
            "sort": 1,
            "multi": False,
            "includeAll": False,
        }


@dataclass(frozen=True)
class Dashboard:
    """A page of rows; `name` is its file's and, with a prefix, its address's."""

    name: str
    title: str
    says: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = field(default=())

    def model(self) -> Json:
        """The whole dashboard."""
        return {
            "uid": f"partywall-{self.name}",
            "title": f"Partywall: {self.title}",
            "description": self.says,
            "tags": ["partywall"],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "templating": {"list": [variable.model() for variable in self.variables]},
            "annotations": {"list": []},
            "links": [
                {
                    "title": "Partywall",
                    "type": "dashboards",
                    "tags": ["partywall"],
                    "asDropdown": True,
                    "keepTime": True,
                }
            ],
            "panels": self._panels(),
        }

    def _panels(self) -> list[Json]:
        placed: list[Json] = []
        top = 0
        for row in self.rows:
            heading = {"id": len(placed) + 1, "type": "row", "title": row.title, "collapsed": False, "panels": []}
            placed.append({**heading, "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1}})
            x, y, tallest = 0, top + 1, 0
            for panel in row.panels:
                if x + panel.width > _COLUMNS:
                    x, y, tallest = 0, y + tallest, 0
                placed.append(panel.model(len(placed) + 1, x, y))
                x, tallest = x + panel.width, max(tallest, panel.height)
            top = y + tallest
        return placed


def figure(title: str, expr: str, says: str = "", *, unit: str = "short", steps: Any = ((None, GREEN),)) -> Panel:
    """One number as it is now, coloured by `steps`."""
    return Panel(title, (Query(expr, title),), says, kind="stat", unit=unit, width=4, height=4, steps=steps)


def lines(title: str, *queries: Query, says: str = "", unit: str = "short", width: int = 8) -> Panel:
    """How figures went over time."""
    return Panel(title, queries, says, unit=unit, width=width)


def table(title: str, expr: str, says: str = "", *, unit: str = "short", width: int = 12) -> Panel:
    """The series of one query as they are now, a line each."""
    return Panel(title, (Query(expr),), says, kind="table", unit=unit, width=width)


def bad_from(value: float) -> tuple[tuple[float | None, str], ...]:
    """Green, and red from `value` on."""
    return ((None, GREEN), (value, RED))


def good_from(value: float) -> tuple[tuple[float | None, str], ...]:
    """Red, and green from `value` on."""
    return ((None, RED), (value, GREEN))
