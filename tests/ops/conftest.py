"""One platform for all tests of operations, watched by Prometheus where there is one while the demo is played."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.watcher import Watcher
from tests.support.platform import Platform


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform with its demo franchise."""
    with Platform(tmp_path_factory.mktemp("ops")) as started:
        yield started


@pytest.fixture(scope="package")
def watcher(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher | None]:
    """Prometheus with our rules, scraping the platform; None where it is not installed."""
    program = shutil.which("prometheus")
    if program is None:
        yield None
        return
    with Watcher(program, tmp_path_factory.mktemp("prometheus"), platform.state["ops_ports"]) as started:
        yield started


@pytest.fixture(scope="package")
def played(platform: Platform, watcher: Watcher | None) -> Platform:
    """The platform after the demo story, which was watched from its beginning."""
    told = platform.launcher.run("demo")
    assert told.returncode == 0, told.stdout + told.stderr
    return platform


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A place for a backup."""
    return tmp_path / "backup"
