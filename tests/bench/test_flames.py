"""Flame graphs: what is drawn of the stacks that were seen, and that a running process can be seen."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import flame_graph, flames

_SVG = "{http://www.w3.org/2000/svg}"
_RUN = "run (/home/ann/partywall/.venv/lib/python3.11/site-packages/flask/app.py:3)"
_FOLDED = f"""\
process 7:"python -m services";{_RUN};place (services/a.py:9) 30
process 7:"python -m services";{_RUN};<lambda> (/srv/odd.py:1) 10
process 7:"python -m services";call (/home/ann/partywall/shared/db.py:3) 60
"""


def test_stacks_are_read_without_the_places_of_this_machine() -> None:
    assert flame_graph.read(_FOLDED) == {
        ("run (flask/app.py)", "place (services/a.py)"): 30,
        ("run (flask/app.py)", "<lambda> (odd.py)"): 10,
        ("call (shared/db.py)",): 60,
    }


def test_each_frame_is_as_wide_as_its_share_and_stands_on_its_caller() -> None:
    root = ElementTree.fromstring(flame_graph.svg("a < b", flame_graph.read(_FOLDED)))
    boxes = {box.findtext(f"{_SVG}title"): box.find(f"{_SVG}rect") for box in root.findall(f"{_SVG}g")}
    widths = {title: float(box.get("width", "")) for title, box in boxes.items() if title and box is not None}
    assert widths == {
        "run (flask/app.py): 40.0%": 480,
        "place (services/a.py): 30.0%": 360,
        "<lambda> (odd.py): 10.0%": 120,
        "call (shared/db.py): 60.0%": 720,
    }
    below, above = (boxes[title] for title in ("run (flask/app.py): 40.0%", "place (services/a.py): 30.0%"))
    assert below is not None and above is not None
    assert float(below.get("y", "")) > float(above.get("y", ""))
    assert float(below.get("x", "")) <= float(above.get("x", ""))


def test_what_would_be_too_narrow_to_see_is_left_out() -> None:
    stacks: flame_graph.Stacks = Counter({("much (a.py)",): 99_999, ("little (a.py)",): 1})
    assert "little" not in flame_graph.svg("title", stacks)


def test_a_running_process_is_seen(tmp_path: Path) -> None:
    program = tmp_path / "busy.py"
    program.write_text("def turn():\n    while True:\n        sum(range(1000))\nturn()\n")
    with subprocess.Popen([sys.executable, str(program)]) as process:
        try:
            stacks = flames.watch(process.pid, 1)
        except flames.NotAllowed as refusal:
            pytest.skip(f"this system does not let py-spy look: {refusal}")
        finally:
            process.kill()
    assert any(frame.startswith("turn (busy.py") for frames in stacks for frame in frames)


def test_who_cannot_look_is_told_why() -> None:
    with pytest.raises(flames.NotAllowed, match=r"."):
        flames.watch(2**22 + 1, 1)  # above every process id
