"""One platform for all scenes, started as `make run` starts it, and the stage the scenes play on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.scenes import buying
from deploy.demo.scenes.buying import Bought
from deploy.demo.stage import Stage
from tests.support.platform import Launcher


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """The platform with its demo franchise."""
    launcher = Launcher(tmp_path_factory.mktemp("story"), "story")
    try:
        yield launcher.wait_for("The demo story")
    finally:
        launcher.interrupt()


@pytest.fixture(scope="package")
def stage(platform: Launcher) -> Stage:
    """A stage on that platform; what a scene must see and does not, it raises as StoryBroken."""
    return Stage(Path(platform.state()["folder"]), lambda _: None).at(platform.state()["gateway"])


@pytest.fixture(scope="package")
def bought(stage: Stage) -> Bought:
    """The first scene, which later ones build on."""
    return buying.play(stage)
