"""The locked requirements: complete, with hashes, for every platform, and silent about where they were fetched."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt")
PINNED = re.compile(r"([a-z0-9][a-z0-9._-]*)==\S+( ; [^\\]+)? \\")


def entries(lock: str) -> list[str]:
    """A requirement a piece: its line, its hashes, and what asked for it."""
    text = (ROOT / lock).read_text()
    return re.split(r"\n(?=[a-z0-9])", text.strip())


def asked(name: str) -> set[str]:
    """What a .in file names, as locks spell it."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    names = [re.split(r"[\[<>=~! ]", line)[0] for line in lines if line and not line.startswith("-")]
    return {re.sub(r"[._-]+", "-", each).lower() for each in names}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_a_version_and_hashes_and_nothing_says_where_from(lock: str) -> None:
    for entry in entries(lock):
        assert PINNED.match(entry), entry
        assert "--hash=sha256:" in entry
    text = (ROOT / lock).read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text and "--trusted" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_asked_for_is_locked(lock: str) -> None:
    locked = {found[1] for entry in entries(lock) if (found := PINNED.match(entry))}
    assert asked(lock.replace(".txt", ".in")) <= locked


def test_who_has_the_development_lock_has_the_runtime_lock() -> None:
    runtime, development = ({entry.split("    # via")[0] for entry in entries(lock)} for lock in LOCKS)
    assert runtime <= development


def test_what_only_some_platforms_need_is_locked_for_those() -> None:
    [pytest_needs] = [entry for entry in entries("requirements-dev.txt") if entry.startswith("colorama==")]
    assert " ; sys_platform == 'win32' " in pytest_needs
    [no_wheel_for_pypy] = [entry for entry in entries("requirements.txt") if entry.startswith("psycopg-binary==")]
    assert " ; implementation_name != 'pypy' " in no_wheel_for_pypy
