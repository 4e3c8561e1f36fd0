"""Setting up .venv: what a person reads when the machine lacks something, and that nothing happens twice."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUR_PYTHON = f'exec "{sys.executable}" "$@"'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The set-up files in a folder with a space, with nothing to install."""
    return make_checkout(tmp_path)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose .venv is made: that takes seconds, so that the tests which begin with one copy it."""
    folder = tmp_path_factory.mktemp("made")
    checkout = make_checkout(folder)
    made = set_up(checkout, make_tools(folder, python3=OUR_PYTHON), HOME="/nowhere/at/all")
    assert made.returncode == 0, made.stderr
    assert "Making .venv" in made.stdout
    return checkout


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "made checkout", symlinks=True))


def make_checkout(parent: Path) -> Path:
    folder = parent / "my checkout"
    (folder / "deploy" / "local").mkdir(parents=True)
    for name in ("deploy/setup.sh", "deploy/local/venv.py", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "requirements.txt").write_text("# nothing\n")
    return folder


def make_tools(folder: Path, **scripts: str) -> Path:
    """A PATH of its own: the shell, cmp and the given scripts."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sh", "cmp", "env"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for name, code in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{code}\n")
        (tools / name).chmod(0o755)
    return tools


def set_up(checkout: Path, path: Path | str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "deploy/setup.sh", "requirements.txt"],
        cwd=checkout, env={"PATH": str(path), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_old_python_is_named_with_what_is_needed(checkout: Path, tmp_path: Path) -> None:
    old = '[ "$1" = --version ] && echo Python 3.9.2 && exit 0; exit 1'
    ran = set_up(checkout, make_tools(tmp_path, python3=old))
    assert ran.returncode == 1
    assert "needs Python 3.11 or newer, and found Python 3.9.2" in ran.stderr


def test_a_machine_without_python_is_told_so(checkout: Path, tmp_path: Path) -> None:
    ran = set_up(checkout, make_tools(tmp_path))
    assert ran.returncode == 1
    assert "found no python3" in ran.stderr


def test_a_python_without_venv_is_named_with_the_package_to_install(checkout: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.py"
    bare.write_text(
        "import importlib.util, runpy, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'ensurepip' else find(name, package)\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    script = f'[ "$1" = -c ] && exit 0; shift; exec "{sys.executable}" "{bare}" "$@"'
    ran = set_up(checkout, make_tools(tmp_path, python3=script))
    assert ran.returncode == 1
    assert "lacks venv or ensurepip" in ran.stderr
    assert f"python3.{sys.version_info.minor}-venv" in ran.stderr


def test_without_a_home_it_is_made_and_only_once(made: Path, tmp_path: Path) -> None:
    assert (made / ".venv" / "bin" / "python").exists()
    again = set_up(made, make_tools(tmp_path, python3="echo called; exit 1"))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_changed_requirements_are_installed_into_the_same_environment(made: Path, tmp_path: Path) -> None:
    (made / ".venv" / "kept").touch()
    (made / "requirements.txt").write_text("# still nothing\n")
    again = set_up(made, make_tools(tmp_path, python3=OUR_PYTHON))
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("Installing what requirements.txt locks")
    assert (made / ".venv" / "kept").exists()


def test_a_failed_install_is_not_taken_for_done(made: Path, tmp_path: Path) -> None:
    (made / "requirements.txt").write_text("no-hash-no-install==1\n")
    tools = make_tools(tmp_path, python3=OUR_PYTHON)
    for _ in range(2):
        ran = set_up(made, tools, PIP_NO_INDEX="1")
        assert ran.returncode == 1
        assert "pip could not install requirements.txt" in ran.stderr


def test_an_environment_whose_python_is_gone_is_made_anew(made: Path, tmp_path: Path) -> None:
    (made / ".venv" / "bin" / "python").unlink()
    again = set_up(made, make_tools(tmp_path, python3=OUR_PYTHON))
    assert again.returncode == 0, again.stderr
    assert "Making .venv" in again.stdout


def test_make_help_lists_every_target() -> None:
    environment = {"PATH": os.environ["PATH"]}
    shown = subprocess.run(["make", "help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    [targets] = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^  make (\S+) +\S", shown.stdout, re.MULTILINE) == targets.split()
