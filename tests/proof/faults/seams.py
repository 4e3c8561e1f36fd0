"""The harness's end of what the processes load (inside/sitecustomize.py)."""

import json
from pathlib import Path
from typing import Any

from deploy.local.instance import ROOT

INSIDE = Path(__file__).with_name("inside")


class Seams:
    """A file that every process of the platform reads; what is written counts at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: dict[str, Any] = {}
        self._write()

    @property
    def settings(self) -> dict[str, str]:
        """The environment that makes the processes read it."""
        return {"FAULTS_FILE": str(self._path), "PYTHONPATH": f"{INSIDE}:{ROOT}"}

    def step_clock(self, seconds: int) -> None:
        """The product's clock is `seconds` ahead of the machine's; 0 puts it right."""
        self._faults["clock"] = seconds
        self._write()

    def poison(self, consumer: str, request: str) -> None:
        """What `request` causes kills the worker of `consumer` that applies it."""
        self._faults["poison"] = {"consumer": consumer, "request": request}
        self._write()

    def cure(self) -> None:
        """Nothing kills any more."""
        self._faults.pop("poison", None)
        self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(self._faults))
        draft.replace(self._path)
