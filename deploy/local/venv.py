"""Make .venv from hashed requirements: venv.py requirements.txt. One process at a time; writes only in the checkout."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_VENV = _ROOT / ".venv"
_PYTHON = _VENV / "bin" / "python"
# requirements-dev.txt has every line of requirements.txt, so that who has the first has the second.
_INCLUDES = {"requirements-dev.txt": ["requirements.txt"]}


def _fail(why: str) -> None:
    sys.exit(f"Partywall cannot be set up: {why}")


def _works(*arguments: str) -> bool:
    try:
        return subprocess.run([_PYTHON, "-I", *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _create() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    hint = f"on Debian and Ubuntu: apt install python{version}-venv"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        _fail(f"{sys.executable} lacks venv or ensurepip; {hint}")
    shutil.rmtree(_VENV, ignore_errors=True)
    print(f"Making .venv with Python {version}", flush=True)
    made = subprocess.run([sys.executable, "-I", "-m", "venv", _VENV], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        _fail(f"python -m venv failed; {hint}\n{made.stdout}{made.stderr}")


def _install(requirements: str) -> None:
    print(f"Installing what {requirements} locks (a minute or two, once)", flush=True)
    # No cache: the home folder may be missing, read-only or somebody else's.
    options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--require-virtualenv"]
    command = [
        str(_PYTHON),
        "-I",
        "-m",
        "pip",
        "install",
        *options,
        "--require-hashes",
        "-r",
        str(_ROOT / requirements),
    ]
    if subprocess.run(command, check=False, env={**os.environ, "PIP_USER": "0"}).returncode != 0:
        _fail(f"pip could not install {requirements} (its words are above)")


def main(requirements: str) -> None:
    """Leave `.venv` with everything `requirements` names, and a copy of it in `.venv/installed` as the sign."""
    (_ROOT / ".partywall").mkdir(exist_ok=True)
    with (_ROOT / ".partywall" / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, sign = (_ROOT / requirements).read_bytes(), _VENV / "installed" / requirements
        if not _works("-m", "pip", "--version"):
            _create()
        if sign.exists() and sign.read_bytes() == wanted:
            return
        shutil.rmtree(sign.parent, ignore_errors=True)
        _install(requirements)
        sign.parent.mkdir()
        for name in [requirements, *_INCLUDES.get(requirements, [])]:
            shutil.copyfile(_ROOT / name, sign.parent / name)


if __name__ == "__main__":
    main(sys.argv[1])
