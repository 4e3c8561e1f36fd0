"""Prometheus on this machine, with the rules of `deploy/prometheus` and the addresses of the running platform."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.local.instance import ROOT

PROGRAM = "prometheus"
ADDRESS = "127.0.0.1:9090"
_SOURCE = ROOT / "deploy" / "prometheus"


def configuration(ops_ports: Mapping[str, int]) -> dict[str, Any]:
    """What compose scrapes, at the addresses of this machine; `ops_ports` as the launcher tells them, by process.

    An instance keeps the name it has in compose: `hr`, `hr-worker`.
    """
    config: dict[str, Any] = yaml.safe_load((_SOURCE / "prometheus.yml").read_text())
    config["rule_files"] = [str(_SOURCE / pattern) for pattern in config["rule_files"]]
    for job in config["scrape_configs"]:
        kind = job["job_name"].removeprefix("partywall")
        job["static_configs"] = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": process.removesuffix("-web")}}
            for process, port in ops_ports.items()
            if process.endswith(kind)
        ]
    return config


def write(folder: Path, ops_ports: Mapping[str, int], **settings: str) -> Path:
    """The configuration as a file of `folder`; `settings` replace global ones (`scrape_interval="1s"`)."""
    config = configuration(ops_ports)
    config["global"].update(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def command(program: str, config: Path, address: str = ADDRESS) -> list[str]:
    """How to run it with `config` and its data beside that file, reachable from this machine only."""
    data = config.parent / "data"
    return [program, f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]


def main(state: Mapping[str, Any]) -> int:
    """Become Prometheus for the platform of `state`, until Ctrl-C. 1 where there is no Prometheus."""
    config = write(Path(state["folder"]) / "prometheus", state["ops_ports"])
    program = shutil.which(PROGRAM)
    if program is None:
        sys.stderr.write(f"There is no {PROGRAM} here (Debian: apt install prometheus). Its settings: {config}\n")
        return 1
    print(f"Prometheus: http://{ADDRESS}, settings and data in {os.path.relpath(config.parent)}", flush=True)
    return os.execv(program, command(program, config))
