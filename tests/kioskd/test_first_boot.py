# SPDX-License-Identifier: Apache-2.0
"""Before kioskd starts: a configuration of its own, or a stick's, whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import make_certificate
from first_boot_board import BOARD, boot, in_force, leave_out_syncs, make_stick, new_store, token
from power_cuts import Recorder

from kioskd.durable_files import DiskFiles
from kioskd.first_boot import run as run_module
from kioskd.first_boot.config_store import read_config
from kioskd.first_boot.result import read_provisioning
from kioskd.first_boot.run import first_boot
from kioskd.first_boot.stick import find_stick, mounted
from kioskd.update.store import Store


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder / "crt", folder / "key")
    return (folder / "crt").read_bytes(), (folder / "key").read_bytes()


@pytest.fixture(autouse=True)
def without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_syncs(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path)


def test_without_a_stick_a_board_makes_its_own(store: Store, tmp_path: Path) -> None:
    assert boot(store).result == "own"
    assert in_force(store).endpoint.url == "", "no link to where nobody answers"
    health = in_force(store).health
    assert health.address == "127.0.0.1"
    assert health.token_file == str(store.config / "health-token")
    assert len(token(store)) == 32
    other = Store(tmp_path / "other", tmp_path / "other-run")
    boot(other)
    assert token(other) != token(store), "no two boards share a token"


def test_nothing_of_making_or_refusing_a_configuration_stays_behind(
    store: Store, tmp_path: Path
) -> None:
    boot(store)
    boot(store, make_stick(tmp_path / "good", {"kiosk.yaml": "audio: {volume: 0.5}\n"}))
    boot(store, make_stick(tmp_path / "bad", {"kiosk.yaml": "audio: {volume: loud}\n"}))
    assert not (store.root / "config.new").exists()


def test_what_was_laid_down_before_a_power_cut_goes_at_the_next_start(store: Store) -> None:
    boot(store)
    (store.root / "config.new/kiosk.d").mkdir(parents=True)
    (store.root / "config.new/kiosk.d/token").write_text("a secret of a stick\n")
    boot(store)
    assert not (store.root / "config.new").exists()


def test_a_second_start_writes_nothing(store: Store) -> None:
    boot(store)
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    recorder = Recorder()
    first_boot(store, recorder, BOARD, None)
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before
    assert [step for step in recorder.steps if step[0] in ("create", "rename")] == []


def test_a_stick_sets_the_board_up(
    store: Store, tmp_path: Path, certificate: tuple[bytes, bytes]
) -> None:
    stick = make_stick(
        tmp_path / "stick",
        {
            "kiosk.yaml": "health: {address: 0.0.0.0}\nendpoint: {session_key_file: my-key.txt}\n",
            "kiosk.d/10-volume.yaml": "audio: {volume: 0.5}\n",
            "health-token": "0123456789abcdef0123\n",
            "tls.crt": certificate[0],
            "tls.key": certificate[1],
            "my-key.txt": "secret\n",
            "holiday.jpg": b"\xff\xd8" * 1000,
            "System Volume Information/IndexerVolumeGuid": "{}",
            ".Trashes/kiosk.yaml": "nonsense: 1\n",
        },
    )
    told = boot(store, stick)
    assert told.problems == ()
    assert told.result == "accepted"
    config = in_force(store)
    assert config.health.address == "0.0.0.0"
    assert config.health.tls_certificate == str(store.config / "tls.crt")
    assert config.endpoint.session_key_file == str(store.config / "my-key.txt")
    assert config.audio.volume == 0.5
    assert token(store) == "0123456789abcdef0123"
    assert sorted(read_config(store.config)) == [
        "health-token",
        "kiosk.d/00-found.yaml",
        "kiosk.d/10-volume.yaml",
        "kiosk.yaml",
        "my-key.txt",
        "tls.crt",
        "tls.key",
    ]
    shutil.rmtree(stick)
    assert boot(store).result == "accepted", "it stays without the stick"
    assert in_force(store) == config


def test_a_stick_with_names_as_they_are_on_the_board(store: Store, tmp_path: Path) -> None:
    files = {
        "kiosk.yaml": "health: {token_file: /etc/kiosk/own-token}\n",
        "kiosk.d/a.yaml": "avatar: {path: ../james.avatar}\n",
        "own-token": "0123456789abcdefgh\n",
        "james.avatar": b"not looked into here",
    }
    assert boot(store, make_stick(tmp_path / "stick", files)).problems == ()
    config = in_force(store)
    assert config.health.token_file == str(store.config / "own-token")
    assert config.avatar.path == str(store.config / "james.avatar")


def test_a_stick_brings_the_way_out_of_a_companys_network(
    store: Store, tmp_path: Path, certificate: tuple[bytes, bytes]
) -> None:
    files = {
        "kiosk.yaml": "endpoint: {ca_file: company-ca.pem}\n"
        "network: {proxy: 'http://proxy.example:3128', proxy_login_file: proxy-login}\n",
        "company-ca.pem": certificate[0],
        "proxy-login": "me:secret\n",
    }
    assert boot(store, make_stick(tmp_path / "stick", files)).problems == ()
    config = in_force(store)
    assert config.endpoint.ca_file == str(store.config / "company-ca.pem")
    assert config.network.proxy_login_file == str(store.config / "proxy-login")
    files = {**files, "kiosk.yaml": "endpoint: {ca_file: proxy-login}\n"}
    (other := Store(tmp_path / "other", tmp_path / "other-run")).run.mkdir()
    (problem,) = boot(other, make_stick(tmp_path / "bad", files)).problems
    assert "endpoint.ca_file" in problem
    assert "holds no certificate" in problem


def test_only_a_token_leaves_the_rest_as_it_was(store: Store, tmp_path: Path) -> None:
    boot(store)
    (store.config / "kiosk.yaml").write_text("audio: {volume: 0.25}\n")
    told = boot(store, make_stick(tmp_path / "stick", {"health-token": "f" * 40 + "\n"}))
    assert told.result == "accepted"
    assert token(store) == "f" * 40
    assert in_force(store).audio.volume == 0.25


BAD_STICKS: dict[str, tuple[dict[str, str | bytes], str]] = {
    "unknown key": ({"kiosk.yaml": "audio: {loudness: 1}\n"}, "kiosk.yaml:1: audio.loudness"),
    "no yaml": ({"kiosk.yaml": "a: [\n"}, "not valid YAML"),
    "open port": ({"kiosk.yaml": "health: {address: 0.0.0.0}\n"}, "health.tls_certificate"),
    "half a pair": (
        {"kiosk.yaml": "health: {tls_certificate: tls.crt}\n", "tls.crt": "x"},
        "belong together",
    ),
    "damaged certificate": ({"tls.crt": "x\n", "tls.key": "y\n"}, "not a certificate"),
    "empty token": ({"health-token": "\n"}, "health-token is empty"),
    "token of two lines": ({"health-token": "a\nb\n"}, "one line with the secret"),
    "a secret that is missing": (
        {"kiosk.yaml": "endpoint: {session_key_file: key}\n"},
        "key cannot be read",
    ),
    "a secret that no header takes": (
        {"kiosk.yaml": "\nendpoint: {session_key_file: key}\n", "key": "schlüssel\n"},
        "kiosk.yaml:2: endpoint.session_key_file: contains characters that an HTTP header",
    ),
    "bad drop-in": ({"kiosk.d/x.yaml": "audio: 5\n"}, "kiosk.d/x.yaml:1: audio"),
    "odd name": ({"kiosk.d/x y.yaml": ""}, "use letters"),
    "too large": ({"health-token": b"x" * (9 << 20)}, "larger than the 8 MiB"),
    "too much": (
        {
            "kiosk.yaml": "avatar: {path: a.avatar}\nhealth: {token_file: b}\n"
            "endpoint: {session_key_file: c, api_key_file: d}\n",
            **dict.fromkeys(("a.avatar", "b", "c", "d"), b"x" * (7 << 20)),
        },
        "28 MiB are more than the 24",
    ),
    "half a character": (
        {"kiosk.yaml": 'avatar: {path: "\\ud800"}\n"\\ud801": 1\n'},
        "kiosk.yaml:2: \\ud801: unknown section",
    ),
    "half a character in a name": ({"kiosk.d/x\udcff.yaml": ""}, "x\\udcff.yaml: use letters"),
    "folder for a file": ({"kiosk.yaml/x": ""}, "kiosk.yaml: must be a file"),
}


@pytest.mark.parametrize("name", BAD_STICKS)
def test_a_bad_stick_is_refused_as_a_whole(store: Store, tmp_path: Path, name: str) -> None:
    files, problem = BAD_STICKS[name]
    boot(store)
    good = read_config(store.config)
    stick = make_stick(tmp_path / "stick", {"health-token": "e" * 32} | files)
    told = boot(store, stick)
    assert told.result == "refused"
    assert problem in "\n".join(told.problems)
    assert "config.new" not in str(told.problems), "a path that the stick's maker never saw"
    assert read_config(store.config) == good
    assert problem in (store.run / "config-problem").read_text()
    assert read_provisioning(store) is not None
    written = (store.state / "first-boot-result.json").stat().st_mtime_ns
    assert boot(store, stick).problems == told.problems
    assert (store.state / "first-boot-result.json").stat().st_mtime_ns == written
    assert boot(store).result == "own", "the stick is out: nothing is wrong any more"
    assert not (store.run / "config-problem").exists()


def test_a_link_on_the_stick_is_not_followed(store: Store, tmp_path: Path) -> None:
    stick = make_stick(tmp_path / "stick", {})
    (stick / "health-token").symlink_to("/etc/hostname")
    assert "health-token: cannot be read" in boot(store, stick).problems[0]


@pytest.mark.parametrize("name", ["kiosk.yaml", "kiosk.d/a.yaml", "health-token", "tls.crt"])
def test_a_fifo_on_the_stick_is_not_waited_for(store: Store, tmp_path: Path, name: str) -> None:
    stick = make_stick(tmp_path / "stick", {"kiosk.d/b.yaml": ""})
    os.mkfifo(stick / name)
    assert boot(store, stick).problems == (f"{name}: must be a file",)


def test_a_second_stick_has_to_prove_itself(store: Store, tmp_path: Path) -> None:
    first = {"kiosk.yaml": "audio: {volume: 0.5}\n", "health-token": "first-token-0123456\n"}
    boot(store, make_stick(tmp_path / "one", first))
    second = {"kiosk.yaml": "audio: {volume: 0.1}\n"}
    for proof in ({}, {"current-token": "guessed\n"}, {"current-token": ""}):
        told = boot(store, make_stick(tmp_path / "two", second | proof))
        assert "has been set up already" in told.problems[0]
        assert in_force(store).audio.volume == 0.5
    told = boot(store, make_stick(tmp_path / "two", second | {"current-token": token(store)}))
    assert told.problems == ()
    assert in_force(store).audio.volume == 0.1
    assert boot(store, tmp_path / "two").problems == (), "the same stick may stay plugged in"


def test_a_stick_mends_a_configuration_that_somebody_broke(store: Store, tmp_path: Path) -> None:
    """What the page on the screen advises; only the last good copy can tell the token then."""
    first = {"kiosk.yaml": "audio: {volume: 0.5}\n", "health-token": "first-token-0123456\n"}
    boot(store, make_stick(tmp_path / "one", first))
    (store.config / "kiosk.yaml").write_text("audio: {volume: broken\n")
    cure = {"kiosk.yaml": "audio: {volume: 0.1}\n"}
    told = boot(store, make_stick(tmp_path / "two", cure | {"current-token": "guessed\n"}))
    assert "has been set up already" in told.problems[0]
    told = boot(store, make_stick(tmp_path / "two", cure | {"current-token": token(store)}))
    assert told.problems == ()
    assert in_force(store).audio.volume == 0.1


def test_the_last_good_configuration_comes_back_after_damage(store: Store, tmp_path: Path) -> None:
    boot(store, make_stick(tmp_path / "stick", {"kiosk.yaml": "audio: {volume: 0.5}\n"}))
    (store.config / "kiosk.yaml").write_text("audio: {volume: broken\n")
    boot(store)
    assert "broken" in (store.config / "kiosk.yaml").read_text(), "an edit is never undone"
    for damage in (lambda path: path.write_bytes(b""), lambda path: path.unlink()):
        damage(store.config / "kiosk.yaml")
        assert boot(store).result == "restored"
        assert in_force(store).audio.volume == 0.5


def test_a_factory_reset_forgets_whose_it_was(store: Store, tmp_path: Path) -> None:
    boot(store, make_stick(tmp_path / "one", {"kiosk.yaml": "audio: {volume: 0.5}\n"}))
    before = token(store)
    (store.root / "slots").mkdir()
    (store.root / "slots/a.img").write_bytes(b"image")
    (store.root / "data/avatars").mkdir(parents=True)
    (store.root / "data/avatars/james.avatar").write_bytes(b"x")
    (store.root / "data/link").symlink_to(store.root / "slots")
    (store.state / "factory-reset").write_bytes(b"1\n")
    stick = make_stick(tmp_path / "two", {"kiosk.yaml": "audio: {volume: 0.1}\n"})
    assert boot(store, stick).result == "accepted", "the next stick is the first one again"
    assert in_force(store).audio.volume == 0.1
    assert token(store) != before
    assert list((store.root / "data").iterdir()) == []
    assert (store.root / "slots/a.img").read_bytes() == b"image"
    assert not (store.state / "factory-reset").exists()


# The command and a real stick


def ctl(store: Store, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KIOSK_STORE": str(store.root), "KIOSK_RUN": str(store.run)}
    return subprocess.run(
        [sys.executable, "-m", "kioskd.ctl", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_takes_a_folder_and_resets(store: Store, tmp_path: Path) -> None:
    stick = make_stick(tmp_path / "stick", {"kiosk.yaml": "audio: {volume: 2}\n"})
    done = ctl(store, "first-boot", "--folder", str(stick))
    assert done.returncode == 1
    assert "error: kiosk.yaml:1: audio.volume" in done.stderr
    assert "configuration: refused" in done.stdout
    done = ctl(store, "factory-reset")
    assert (done.returncode, done.stderr.startswith("error: this erases")) == (2, True)
    assert ctl(store, "factory-reset", "--yes").returncode == 0
    assert (store.state / "factory-reset").exists()
    nothing = tmp_path / "nothing"
    done = ctl(store, "first-boot", "--folder", str(nothing))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"error: --folder {nothing} is not a folder\n")
    nothing.mkdir()
    done = ctl(store, "first-boot", "--folder", str(nothing))
    assert (done.returncode, done.stdout) == (1, "configuration: refused\n")
    assert "no configuration found" in done.stderr
    done = ctl(Store(Path("/proc/nowhere"), tmp_path), "first-boot")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_only_the_service_reads_what_the_first_start_makes(store: Store, tmp_path: Path) -> None:
    """Also where the service runs as daemon, because a read-only /etc has no user kiosk."""
    if os.geteuid() != 0:
        pytest.skip("giving files to a group needs root")
    data = store.root / "data"
    data.mkdir(parents=True)
    shutil.chown(data, "daemon", "daemon")
    stick = make_stick(tmp_path / "stick", {"kiosk.d/10-place.yaml": "audio: {volume: 0.5}\n"})
    assert ctl(store, "first-boot", "--folder", str(stick)).returncode == 0
    names = ("", "kiosk.yaml", "health-token", "kiosk.d", "kiosk.d/10-place.yaml")
    for path in (store.config / name for name in names):
        told = path.stat()
        assert (told.st_uid, path.group()) == (0, "daemon"), path
        assert told.st_mode & 0o7777 == (0o2750 if path.is_dir() else 0o640), path


def test_a_partition_is_mounted_read_only_and_let_go(tmp_path: Path) -> None:
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if os.geteuid() != 0 or mkfs is None:
        pytest.skip("mounting needs root and mkfs.ext4")
    image = tmp_path / "stick.img"
    stick = make_stick(tmp_path / "stick", {"kiosk.yaml": "audio: {volume: 0.5}\n"})
    command = [mkfs, "-q", "-L", "KIOSKCFG", "-d", stick, image, "1M"]
    subprocess.run(command, check=True, capture_output=True)
    point = tmp_path / "point"
    try:
        with mounted(image, point) as folder:
            assert (folder / "kiosk.yaml").read_text() == "audio: {volume: 0.5}\n"
            with pytest.raises(OSError, match="Read-only"):
                (folder / "new").write_text("")
    except run_module.StickError as error:
        pytest.skip(f"this machine lends no loop device: {error}")
    assert list(point.iterdir()) == []


def test_a_stick_is_found_by_its_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_stick(0.0, tmp_path) is None
    (tmp_path / "KIOSKCFG").touch()
    assert find_stick(0.0, tmp_path) == tmp_path / "KIOSKCFG"


def test_a_stick_that_cannot_be_mounted_is_told(store: Store, tmp_path: Path) -> None:
    told = first_boot(
        store, DiskFiles(), BOARD, mounted(tmp_path / "no-device", tmp_path / "point")
    )
    assert told.result == "refused"
    assert "mount" in told.problems[0]
