# SPDX-License-Identifier: Apache-2.0
"""The hook's files as systemd, shells and a vendor's small root see them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hook_stage import HOOK, OVERLAY

UNITS = OVERLAY / "usr/lib/systemd/system"
LIMIT_BYTES = 32 << 10
ROOM_FOR_BOARD_AND_KEYS = 384
"""What a build adds: the board's name, its public key, and a second one for the day of change."""

SINCE = {
    "OnFailure": 10, "Requires": 1, "Wants": 1, "After": 1, "Before": 1, "Conflicts": 1,
    "Description": 1, "DefaultDependencies": 1, "RequiresMountsFor": 201,
    "StartLimitIntervalSec": 230, "StartLimitBurst": 230, "Type": 1, "NotifyAccess": 1,
    "ExecStart": 1, "ExecStartPre": 1, "ExecStop": 1, "ExecReload": 1, "EnvironmentFile": 1,
    "Environment": 1, "TimeoutStartSec": 188, "TimeoutStopSec": 188, "WatchdogSec": 1,
    "Restart": 1, "RestartSec": 1, "RestartPreventExitStatus": 189, "RemainAfterExit": 1,
    "OOMPolicy": 243, "User": 1, "SupplementaryGroups": 1, "RuntimeDirectory": 211,
    "RuntimeDirectoryMode": 211, "UMask": 1, "RootDirectory": 1, "MountAPIVFS": 233,
    "TemporaryFileSystem": 238, "BindReadOnlyPaths": 233, "BindPaths": 233,
    "NoNewPrivileges": 187, "CapabilityBoundingSet": 1, "AmbientCapabilities": 229,
    "ProtectSystem": 214, "ProtectHome": 214, "PrivateTmp": 1, "ProtectKernelTunables": 232,
    "ProtectKernelModules": 232, "ProtectKernelLogs": 244, "ProtectControlGroups": 232,
    "ProtectClock": 245, "ProtectHostname": 242, "ProtectProc": 247, "ProcSubset": 247,
    "RestrictNamespaces": 233, "RestrictSUIDSGID": 242, "LockPersonality": 235,
    "RemoveIPC": 232, "SystemCallArchitectures": 209, "SystemCallFilter": 187,
    "SystemCallErrorNumber": 209, "RestrictAddressFamilies": 211, "DevicePolicy": 208,
    "DeviceAllow": 208, "PathChanged": 1, "RestrictRealtime": 231, "ReadWritePaths": 231,
    "IPAddressDeny": 235, "IPAddressAllow": 235, "PrivateDevices": 209,
}  # fmt: skip
"""The version of systemd that brought each directive, by its manual pages; 1: before 187."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze, which `make setup` brings"
)


def unit_files() -> list[Path]:
    return [path for path in sorted(UNITS.iterdir()) if path.is_file() and not path.is_symlink()]


def drop_ins() -> list[Path]:
    return sorted(UNITS.glob("kiosk-*.d/*.conf"))


def settings(unit: str) -> list[tuple[str, str]]:
    return re.findall(r"^(\w+)=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)


def test_the_hook_is_small() -> None:
    sizes = {
        str(path.relative_to(OVERLAY)): path.stat().st_size
        for path in OVERLAY.rglob("*")
        if path.is_file() and not path.is_symlink() and path != OVERLAY / "README.md"
    }
    assert sum(sizes.values()) <= LIMIT_BYTES - ROOM_FOR_BOARD_AND_KEYS, sizes


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_every_script_is_plain_shell(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}, which `make setup` brings")
    command = ["busybox", "sh"] if shell == "busybox" else ["dash"]
    scripts = [*HOOK.iterdir(), OVERLAY / "usr/bin/kioskctl"]
    assert len(scripts) >= 7
    for script in scripts:
        text = script.read_text()
        assert text.startswith("#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"), script
        assert os.access(script, os.X_OK), f"{script} is not executable"
        assert not re.search(r"\[\[ |\blocal \b|<<<|\bsource ", text), f"{script}: not POSIX"
        subprocess.run([*command, "-n", str(script)], check=True)


def test_every_directive_is_known_to_systemd_247() -> None:
    for unit in [*unit_files(), *drop_ins()]:
        for name, _ in settings(str(unit.relative_to(UNITS))):
            assert SINCE.get(name, 999) <= 247, f"{unit.name}: {name} is newer, or not listed"


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{UNITS}:", "SYSTEMD_LOG_LEVEL": "debug"}
    return subprocess.run(
        ["systemd-analyze", *words], env=environment, capture_output=True, text=True, check=False
    )


@needs_systemd
def test_systemd_has_nothing_to_say_about_them(tmp_path: Path) -> None:
    """With programs that exist here in place of the hook's and the payload's."""
    for unit in unit_files():
        text = re.sub(r"/usr/(libexec/kiosk|bin)/[\w.-]+", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    for drop_in in drop_ins():
        (tmp_path / drop_in.parent.name).mkdir()
        shutil.copy(drop_in, tmp_path / drop_in.parent.name)
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    result = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / unit.name for unit in unit_files())],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    own = [line for line in result.stderr.splitlines() if "kiosk" in line]
    assert not own, own


MOST_EXPOSED = {
    "kiosk-activate": 42,
    "kiosk-first-boot": 32,
    "kiosk-mark-good": 30,
    "kiosk-resolv": 26,
    "kiosk-rollback": 26,
    "kiosk-safe-page": 30,
}
"""Tenths of systemd's score; the README says what keeps each from less."""


@needs_systemd
@pytest.mark.parametrize(("unit", "most"), MOST_EXPOSED.items(), ids=MOST_EXPOSED)
def test_the_helpers_are_sealed_as_far_as_their_work_allows(unit: str, most: int) -> None:
    result = analyze(
        "security", "--offline=true", f"--threshold={most}", str(UNITS / f"{unit}.service")
    )
    if "unrecognized option" in result.stderr:
        pytest.skip("systemd is older than 250: no offline score")
    assert result.returncode == 0, result.stdout[-200:] + result.stderr[-200:]


def test_what_is_mounted_for_the_host_is_seen_there() -> None:
    """Each directive that gives a service a view of its own would keep its mounts from the host."""
    helpers = dict(settings("kiosk-.service.d/10-helper.conf"))
    undone = dict(settings("kiosk-activate.service.d/20-mounts.conf"))
    kinds = ("ProtectS", "ProtectK", "ProtectC", "ProtectP", "ProtectHome")
    kinds += ("Read", "Private", "Bind", "Temporary")
    own_view = {name for name in helpers if name.startswith(kinds)}
    assert own_view == undone.keys()
    assert set(undone.values()) == {"no", "", "default"}
    own = dict(settings("kiosk-activate.service"))
    assert not [name for name in own if name.startswith(("Private", "Protect", "Read"))]


@needs_systemd
def test_a_whole_boot_has_no_ordering_cycle() -> None:
    """A cycle makes systemd drop one of the jobs, at random: a kiosk that starts sometimes."""
    result = analyze("verify", "multi-user.target")
    assert "kioskd.service: Installed new job kioskd.service/start" in result.stderr
    wrong = re.findall(r".*(?:cycle|deleted to break).*", result.stderr)
    assert not [line for line in wrong if "kiosk" in line], wrong


@needs_systemd
def test_the_kiosk_wins_the_screen_from_a_desktop(tmp_path: Path) -> None:
    desktop = "[Unit]\nDescription=Desktop\n[Service]\nExecStart=/bin/true\n"
    (tmp_path / "display-manager.service").write_text(desktop)
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    (wants / "display-manager.service").symlink_to("../display-manager.service")
    environment = os.environ | {
        "SYSTEMD_UNIT_PATH": f"{tmp_path}:{UNITS}:",
        "SYSTEMD_LOG_LEVEL": "debug",
    }
    for _ in range(3):
        result = subprocess.run(
            ["systemd-analyze", "verify", "multi-user.target"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Installed new job kioskd.service/start" in result.stderr
        assert "Installed new job display-manager.service/start" not in result.stderr


def test_what_must_hold_of_the_service() -> None:
    told = dict(settings("kioskd.service"))
    assert told["RootDirectory"] == "/opt/kiosk"
    assert told["OnFailure"] == "kiosk-rollback.service"
    assert (told["StartLimitIntervalSec"], told["StartLimitBurst"]) == ("10min", "6")
    assert told["Restart"] == "always"
    assert told["RestartPreventExitStatus"] == "78"
    devices = {value for name, value in settings("kioskd.service") if name == "DeviceAllow"}
    assert {"char-drm rw", "char-alsa rw", "char-input r"} <= devices
    required = [value for name, value in settings("kioskd.service") if name == "Requires"]
    assert required == ["kiosk-activate.service"], "time and network are never required"


def test_nothing_of_the_hook_needs_more_than_it_may_count_on() -> None:
    """No awk, find -printf, bc, python, curl …: vendors' roots lack one or the other."""
    forbidden = r"\b(awk|python3?|perl|bash|curl|wget|bc|jq|xxd|realpath|seq|hexdump)\b"
    for script in HOOK.iterdir():
        code = re.sub(r"^\s*#.*", "", script.read_text(), flags=re.MULTILINE)
        assert not re.search(forbidden, code), script


def test_the_screen_has_no_login_and_the_service_is_wanted() -> None:
    for name in ("getty@tty1.service", "autovt@tty1.service"):
        assert (UNITS / name).readlink() == Path("/dev/null")
    wanted = sorted(path.name for path in (UNITS / "multi-user.target.wants").iterdir())
    assert wanted == ["kiosk-activate.service", "kioskd.service"]
    assert (OVERLAY / "etc/kiosk").readlink() == Path("/var/lib/kiosk/config")


def test_the_journal_is_capped() -> None:
    text = (OVERLAY / "usr/lib/systemd/journald.conf.d/kiosk.conf").read_text()
    caps = dict(re.findall(r"^(\w+)=(\d+)M$", text, re.MULTILINE))
    assert int(caps["SystemMaxUse"]) <= 64
    assert int(caps["RuntimeMaxUse"]) <= 16
    assert "SyncIntervalSec=5m" in text


def test_the_clock_is_saved_seldom() -> None:
    """systemd-timesyncd would write once a minute: measured 1 MB an hour, all of an idle board."""
    text = (OVERLAY / "usr/lib/systemd/timesyncd.conf.d/kiosk.conf").read_text()
    assert "[Time]\nSaveIntervalSec=1h\n" in text
