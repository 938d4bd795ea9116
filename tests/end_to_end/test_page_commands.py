# SPDX-License-Identifier: Apache-2.0
"""Every command that a page names is run, on every kind of avatar, or is listed here with a reason.

A command that is new in a page runs at once; where it cannot, this test fails until it stands in
LISTED with the test that covers it. `page_desk` says what stands in for what.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest
from kiosk_rig import Start
from made_up.plugin import MADE_UP
from page_commands import Command, commands_of, page_commands
from page_desk import ROOT, Desk, Done, Kind, damaged, substituted
from processes import Process, fetch_json, until

BOARD: Final = "runs on a board"
TARGET: Final = "takes minutes; that the target and its variables are there is checked below"
INSTALLS: Final = "installs packages"

LISTED: Final[dict[str, tuple[str, str]]] = {
    "make run*": ("runs until it is stopped", "scripts/test_run_kiosk.py"),
    "python -m kioskd": ("runs until it is stopped", "end_to_end/test_kiosk.py"),
    "python -m driving_client.endpoint": ("runs until it is stopped", "end_to_end/test_kiosk.py"),
    "*scripts/example_backend.py*": ("waits for a kiosk", "end_to_end/test_example_backend.py"),
    "*scripts/listening_backend.py*": ("waits for a kiosk", "end_to_end/test_listening_backend.py"),
    "make test*": ("is the run that this is a part of", "test_budget.py"),
    "make lint": ("is a part of every run", "test_linters.py"),
    "*pytest *": ("is a part of every run", "test_budget.py"),
    "make avatar*": (TARGET, "scripts/test_make_avatar.py"),
    "*scripts/make_avatar.py *": ("fetches MakeHuman's data", "scripts/test_make_avatar.py"),
    "make overlay*": (TARGET, "scripts/test_quick_refusals.py"),
    "make rootfs*": (TARGET, "scripts/test_quick_refusals.py"),
    "make repro*": (TARGET, "scripts/test_quick_refusals.py"),
    "make flash*": ("writes to a board", "scripts/test_flash_ssh.py"),
    "while read -r host*": ("writes to boards", "scripts/test_flash_ssh.py"),
    "make bench": (TARGET, "scripts/test_bench_sets.py"),
    "make bench-attacks": (TARGET, "scripts/test_bench_attacks.py"),
    "make bench-lipsync": (TARGET, "driving_client/test_bench_lipsync.py"),
    "*scripts/bench_lips.py*": (TARGET, "driving_client/test_bench_lipsync.py"),
    "make train-lipsync": (TARGET, "driving_client/test_speech_training.py"),
    "make convert-npu": (TARGET, "driving_client/test_npu.py"),
    "make fuzz*": (TARGET, "fuzz/test_parsers.py"),
    "make soak*": (TARGET, "scripts/test_soak.py"),
    "pip install .": (INSTALLS, "test_installed.py"),
    "pip install 'genio-tools*": (INSTALLS, "scripts/test_flash_fastboot.py"),
    "genio-flash *": ("writes to a board", "scripts/test_flash_fastboot.py"),
    "apt install *": (INSTALLS, "scripts/test_install_packages.py"),
    "sudo *": ("changes the machine", "scripts/test_install_packages.py"),
    "scripts/install_packages.sh *": (INSTALLS, "scripts/test_install_packages.py"),
    "python scripts/x.py": ("stands for any script", "test_linters.py"),
    "tar -x *": (BOARD, "scripts/test_payload_tree.py"),
    "cd out/rk3576 *": ("needs a built image", "scripts/test_image_signing.py"),
    "openssl dgst *": ("needs a built image", "scripts/test_image_signing.py"),
    "systemctl *": (BOARD, "rootfs_overlay/test_units.py"),
    "journalctl *": (BOARD, "rootfs_overlay/test_units.py"),
    "cat /run/kiosk/slot *": (BOARD, "rootfs_overlay/test_activate.py"),
    "/usr/libexec/kiosk/verify *": (BOARD, "rootfs_overlay/test_verify.py"),
    "ssh root@* sh -s *": (BOARD, "scripts/test_probe.py"),
    "aplay *": (BOARD, "kioskd/test_sound_cards.py"),
    "kioskctl install*": (BOARD, "kioskd/test_update_install.py"),
    "kioskctl slots": (BOARD, "kioskd/test_update_life.py"),
    "kioskctl rollback": (BOARD, "kioskd/test_update_life.py"),
    "kioskctl factory-reset *": (BOARD, "kioskd/test_first_boot.py"),
    "kioskctl first-boot": (BOARD, "kioskd/test_first_boot.py"),
    "kioskctl bench": (BOARD, "kioskd/test_benchmark.py"),
    "kioskctl avtest*": (BOARD, "kioskd/test_avtest.py"),
    "kioskctl earcheck": ("a kiosk with ears and a person", "kioskd/test_earcheck.py"),
    "kioskctl report*": (BOARD, "kioskd/test_report.py"),
    "*estimate * --measured b*.json": ("needs a measured board", "splat_gles/test_estimate.py"),
    "make video*": (TARGET, "scripts/test_make_video.py"),
    "make verified*": ("writes into a board's file", "scripts/test_verified_reports.py"),
    "make shader-report": (TARGET, "scripts/test_make_shader_report.py"),
    "scripts/bench_ears.py --simulated": (TARGET, "scripts/test_bench_ears.py"),
    "make bench-ears*": (TARGET, "scripts/test_bench_ears.py"),
    "make bench-alive": (TARGET, "scripts/test_bench_alive.py"),
    "kioskctl --url *": ("needs certificates", "kioskd/test_ctl_client.py"),
}  # fmt: skip
"""Patterns of commands that do not run here, why, and what covers them."""

MAY_FAIL: Final = {"kioskctl doctor"}
"""Says with its status that something is wrong with the machine."""

COMMANDS: Final = page_commands(ROOT)


def listing(command: Command) -> str | None:
    """The first pattern of LISTED that the command fits."""
    return next((pattern for pattern in LISTED if fnmatchcase(command.text, pattern)), None)


def runnable() -> Iterator[Command]:
    """What is run: each text once, by whatever name the avatar goes in it."""
    seen = set()
    for command in COMMANDS:
        if listing(command) is None:
            text = re.sub(r"[\w./-]+\.(avatar|zip)\b", r"X.\1", substituted(command.text))
            if text not in seen:
                seen.add(text)
                yield command


def asks_a_kiosk(command: Command) -> bool:
    text = command.before + substituted(command.text)
    return bool(re.search(r"http://127\.0\.0\.1|^kioskctl ", text))


def names_an_avatar(command: Command) -> bool:
    return bool(re.search(r"\.avatar\b|\.zip\b", command.text))


RUN: Final = list(runnable())
# Gestures first: who speaks does not listen
ASKING: Final = sorted(filter(asks_a_kiosk, RUN), key=lambda c: "gesture" not in c.text)
DRAWING: Final = [command for command in RUN if names_an_avatar(command)]
PLAIN: Final = [command for command in RUN if command not in (*ASKING, *DRAWING)]
KINDS: Final = (
    pytest.param("own", marks=pytest.mark.slow("the quick lane draws the project's own elsewhere")),
    "LAM",
    "damaged",
)


def named(command: Command) -> str:
    return f"{command.where} {command.text[:50]}"


@pytest.fixture(scope="module")
def kinds(
    root: Path,
    lam_zip: Callable[[str], Path],
    lam_bundle: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Kind]:
    own, lam = root / "config/avatars/default-20k.avatar", lam_zip(MADE_UP)
    return {
        "own": Kind(own, True, own, False),
        "LAM": Kind(lam_bundle(MADE_UP), True, lam, True),
        "damaged": damaged(own, lam, tmp_path_factory.mktemp("damaged")),
    }


@pytest.fixture(scope="module")
def desks(
    kinds: dict[str, Kind], made_up_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Desk]:
    return {
        name: Desk(tmp_path_factory.mktemp(name), kind, made_up_folder)
        for name, kind in kinds.items()
    }


def judged(done: Done, command: Command, good: bool) -> str:
    """What is wrong with how a command ended; nothing where it ended as it should."""
    if "Traceback" in done.text:
        return f"{named(command)} ended with a traceback:\n{done.text}"
    if good and done.status and command.text not in MAY_FAIL:
        return f"{named(command)} ended with {done.status}:\n{done.text}"
    if not good and not done.status:
        return f"{named(command)} ended with 0:\n{done.text}"
    if not good and "error: " not in done.text:
        return f"{named(command)} says of no error:\n{done.text}"
    return ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", DRAWING, ids=named)
def test_a_command_runs_on_every_kind_of_avatar(
    command: Command, kind: str, desks: dict[str, Desk], kinds: dict[str, Kind]
) -> None:
    good = kinds[kind].takes(command.text)
    assert not (wrong := judged(desks[kind].run(command), command, good)), wrong


@pytest.mark.parametrize("command", PLAIN, ids=named)
def test_a_command_without_an_avatar_runs(command: Command, desks: dict[str, Desk]) -> None:
    assert not (wrong := judged(desks["own"].run(command), command, True)), wrong


@pytest.mark.parametrize("kind", KINDS)
def test_a_running_kiosk_is_asked_whatever_its_avatar(
    kind: str, desks: dict[str, Desk], kinds: dict[str, Kind], start: Start
) -> None:
    """With a damaged avatar it shows the default one, and says so."""
    desk = desks[kind]
    kiosk, endpoint = begin(start, desk.folder, kinds[kind].bundle)
    desk.serve(kiosk, endpoint)
    assert not [wrong for c in ASKING if (wrong := judged(desk.run(c), c, True))]
    avatar = fetch_json(f"{kiosk}/healthz")["checks"]["avatar"]
    assert (avatar["status"] == "pass") == kinds[kind].bundle_good


def begin(start: Start, folder: Path, avatar: Path) -> tuple[str, str]:
    """The addresses of a kiosk and an endpoint that have found each other."""
    endpoint: Process = start("driving_client.endpoint", "--port", "0", "--greeting", "")
    host = endpoint.wait_for(r"listening on http://(\S+)")[1]
    config = folder / "kiosk.yaml"
    config.write_text(
        f"""
avatar: {{path: "{avatar}"}}
display: {{driver: offscreen, width: 90, height: 160, frame_rate: 5}}
audio: {{enabled: false}}
endpoint: {{url: "ws://{host}/relay", say_url: "http://{host}/say"}}
health: {{port: 0}}
"""
    )
    kioskd: Process = start("kioskd", "--config", str(config))
    url = kioskd.wait_for(r"look_at: .*(http://\S+)")[1].rstrip("/")
    kioskd.wait_for("ready: ")
    until(lambda: linked(url), lambda: kioskd.text)
    return url, f"http://{host}"


def linked(url: str) -> bool | None:
    link = fetch_json(f"{url}/healthz")["checks"].get("link", {})
    return True if link.get("status") == "pass" else None


# --- what is listed ---------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", LISTED)
def test_what_is_listed_is_in_a_page_and_covered(root: Path, pattern: str) -> None:
    assert any(listing(command) == pattern for command in COMMANDS), "no page names it any more"
    assert (root / "tests" / LISTED[pattern][1]).is_file()


def test_what_a_target_of_make_is_told_is_there(root: Path) -> None:
    """Targets, their variables, and the files that listed commands name."""
    makefile = (root / "Makefile").read_text()
    told = [m for command in COMMANDS for m in re.findall(r"\bmake [^|&<\n]+", command.text)]
    for text in told:
        words = shlex.split(re.sub(r"[\[\]]", "", text))
        for variable in [word.partition("=")[0] for word in words if "=" in word]:
            assert f"$({variable})" in makefile, (
                f"{text}: {variable} is no variable of the Makefile"
            )
        targets = [word for word in words[1:] if "=" not in word and word != "…"]
        done = subprocess.run(
            ["make", "-n", *targets], cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}: {done.stderr}"


def test_files_that_listed_commands_name_are_there(root: Path) -> None:
    words = {word for command in COMMANDS if listing(command) for word in command.text.split()}
    named_files = {
        word for word in words if re.match(r"(?:tests|scripts|board|config)/.*\.\w+$", word)
    }
    ours = {word for word in named_files if "ann" not in word and word != "scripts/x.py"}
    assert not [word for word in ours if not (root / word).exists()]


# --- how pages are read -----------------------------------------------------------------------

PAGE = """
See `make run AVATAR=x` and `out/x.png`, or `kioskd`.

```
make one   # a comment
say() { echo "$1"; }
say "# not one" \\
    twice
while read -r x; do
    make "$x"
done < list
```

```yaml
no: command
```

    indented --here

* a list

  goes on
"""


def test_commands_are_read_as_a_reader_would_copy_them() -> None:
    say = 'say() { echo "$1"; }\n'
    assert list(commands_of(PAGE, "a.md")) == [
        Command("make run AVATAR=x", "a.md:2"),
        Command("make one", "a.md:5"),
        Command('say "# not one" twice', "a.md:7", say),
        Command('while read -r x; do\nmake "$x"\ndone < list', "a.md:9", say),
        Command("indented --here", "a.md:18"),
    ]
