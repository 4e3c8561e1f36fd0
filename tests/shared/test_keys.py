"""Each service is handed its own keys and no other's; what is handed on follows rotations."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from services.billing.sealing import add_version
from shared import keys, settings
from shared.keys import SIGNERS, Keyring

PUBLIC = "trusted.jwks"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "all"


@pytest.fixture
def out(folder: Path, tmp_path: Path) -> Path:
    """What was shared from `folder`."""
    keys.share(folder, tmp_path / "shared")
    return tmp_path / "shared"


def contents(out: Path) -> dict[str, set[str]]:
    return {home.name: {file.name for file in home.iterdir()} for home in out.iterdir()}


def stamps(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*.j*")}


def test_a_service_gets_its_own_private_key_and_billing_the_field_keys_too(out: Path) -> None:
    assert contents(out) == {
        "gateway": {"gateway.jwk", PUBLIC},
        "procurement": {"procurement.jwk", PUBLIC},
        "hr": {"hr.jwk", PUBLIC},
        "billing": {"billing.jwk", PUBLIC, "fields.json"},
    }
    for file in out.rglob("*.j*"):
        assert stat.S_IMODE(file.stat().st_mode) == (0o644 if file.name == PUBLIC else 0o600)
        assert ('"d"' in file.read_text()) == (file.suffix == ".jwk")


def test_a_service_cannot_sign_as_the_gateway_but_knows_its_public_key(out: Path) -> None:
    gateway, hr = Keyring(out / "gateway", "gateway"), Keyring(out / "hr", "hr")
    assert gateway.private.kid is not None and hr.public(gateway.private.kid) is not None
    with pytest.raises(FileNotFoundError):
        Keyring(out / "hr", "gateway")


def test_sharing_again_writes_nothing(folder: Path, out: Path) -> None:
    before = stamps(out.parent)
    keys.share(folder, out)
    assert stamps(out.parent) == before


def test_a_new_key_reaches_everybody_with_the_next_share(folder: Path, out: Path) -> None:
    reader = Keyring(out / "hr", "hr")
    kid = keys.rotate(folder, "gateway")
    assert reader.public(kid) is None
    keys.share(folder, out)
    assert reader.public(kid) is not None
    assert Keyring(out / "gateway", "gateway").private.kid == kid


def test_field_keys_that_billing_added_are_kept_and_copied_for_backups(folder: Path, out: Path) -> None:
    assert add_version(out / "billing") == 2
    keys.share(folder, out)
    turned = json.loads((out / "billing" / "fields.json").read_text())
    assert set(turned) == {"1", "2"}
    assert json.loads((folder / "fields.json").read_text()) == turned


def test_keys_of_before_there_were_folders_for_each_stay_what_they_were(folder: Path) -> None:
    keys.create(folder)
    kid, fields = Keyring(folder, "gateway").private.kid, (folder / "fields.json").read_text()
    keys.share(folder, folder)
    assert Keyring(folder / "gateway", "gateway").private.kid == kid
    assert (folder / "billing" / "fields.json").read_text() == fields
    assert {home.name for home in folder.iterdir() if home.is_dir()} == set(SIGNERS)


def test_the_command_shares(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shared.keys", "share", str(tmp_path / "all"), str(tmp_path / "shared")]
    subprocess.run(command, check=True)
    assert set(contents(tmp_path / "shared")) == set(SIGNERS)
    assert subprocess.run(command[:-1], capture_output=True, check=False).returncode == 2


def test_one_setting_names_the_key_folder_of_every_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1/partywall_{service}")
    monkeypatch.setenv("KEYS_FOLDER", "/keys/{service}")
    assert settings.load("hr").keys_folder == Path("/keys/hr")
