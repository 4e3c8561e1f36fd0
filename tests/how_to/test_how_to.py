"""Every call on the how-to pages is made, in the order of their index, and answers as the page says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.instance import ROOT
from tests.support.platform import Launcher

pytestmark = pytest.mark.whole_system
PAGES = ROOT / "docs" / "how-to"
SAYS = re.compile(r"#\s(\d{3} [a-z-]+)\s*$")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """A platform on which the demo was played, as the pages ask for."""
    launcher = Launcher(tmp_path_factory.mktemp("how to"), "how-to")
    try:
        launcher.wait_for("The demo story")
        assert launcher.run("demo").returncode == 0
        yield launcher
    finally:
        launcher.interrupt()


def blocks(page: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (PAGES / page).read_text(), re.DOTALL | re.MULTILINE)


def statements(block: str) -> Iterator[str]:
    """The commands of a block: a line, or several that a quote, a backslash or a here-document holds together."""
    held = ""
    for line in block.splitlines(keepends=True):
        held += line
        here = re.search(r"<<'(\w+)'", held)
        if here:
            whole = held.endswith(f"\n{here[1]}\n")
        else:
            whole = SAYS.sub("", held).count("'") % 2 == 0 and not held.endswith("\\\n")
        if whole:
            yield held
            held = ""
    assert not held, f"this command does not end: {held}"


def script(launcher: Launcher) -> str:
    """All pages as one program; what a page expects to be refused stands in EXPECT while it is asked for."""
    functions, names = blocks("README.md")
    python = f"'{sys.executable}'"
    parts = [
        "set -euo pipefail",
        re.sub(r"(?m)^HOST=.*$", f"HOST={launcher.state()['gateway']}", functions),
        f'python3() {{ {python} "$@"; }}',
        f"curl() {{ {python} '{ROOT}/tests/how_to/curl.py' \"$@\"; }}",
        f"make() {{ (cd '{ROOT}' && eval \"{python} -m deploy.local command ${{3#do=}}\"); }}",
        names,
    ]
    for page in re.findall(r"^\| \[.*\]\((.*\.md)\)", (PAGES / "README.md").read_text(), re.MULTILINE):
        for statement in (each for block in blocks(page) for each in statements(block)):
            says = SAYS.search(statement)
            parts.append(f"export EXPECT='{says[1]}'\n{statement}export EXPECT=''" if says else statement)
    return "\n".join(parts)


def test_every_call_on_the_pages_answers_as_they_say(platform: Launcher, tmp_path: Path) -> None:
    (tmp_path / ".partywall").symlink_to(platform.home)
    failures = tmp_path / "failures"
    environment = {**platform.environment, "FAILURES": str(failures)}
    command = ["bash", "-c", script(platform)]
    walked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert not failures.exists(), failures.read_text()
    assert walked.returncode == 0, walked.stderr
    assert "Traceback" not in walked.stderr
