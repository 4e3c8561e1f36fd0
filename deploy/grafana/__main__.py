"""Write every dashboard to `deploy/grafana/dashboards`."""

import json
from pathlib import Path

from deploy.grafana.bus import BUS
from deploy.grafana.network import NETWORK
from deploy.grafana.panels import Dashboard
from deploy.grafana.site import SITE
from deploy.grafana.wall import WALL

FOLDER = Path(__file__).with_name("dashboards")
DASHBOARDS = (NETWORK, SITE, BUS, WALL)


def page(dashboard: Dashboard) -> str:
    """The file Grafana reads."""
    return json.dumps(dashboard.model(), indent=2) + "\n"


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / f"{each.name}.json").write_text(page(each))
