# SPDX-License-Identifier: Apache-2.0
"""Builds the compiler of the boards' GPUs once: Mesa's Panfrost with a device that draws nothing.

The source is Debian 12's package, fetched by apt and checked against Debian's signed index, as the
payload's packages are. It is built and used under out/ and goes nowhere else. Of Mesa there is no
more than EGL, GLES and Panfrost; with little optimisation, because it compiles seven shaders and
takes itself ten minutes to compile (two free cores). Its drm-shim (LD_PRELOAD) is a /dev/dri that
answers like a Mali's kernel driver and forgets what it is asked to draw.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from firmware.debian import CODENAME, KEYRING, configuration, host_mirrors
from firmware.errors import FirmwareError
from firmware.steps import Progress, run

PACKAGE: Final = "mesa"
TOOLS: Final = ("apt-get", "dpkg-source", "patch", "g++", "meson", "ninja", "bison", "flex")
_OPTIONS: Final = (
    "-Dbuildtype=plain",
    "-Doptimization=1",
    "-Db_ndebug=true",
    "-Dgallium-drivers=panfrost",
    "-Dvulkan-drivers=",
    "-Dtools=drm-shim",
    "-Dplatforms=",
    "-Dglx=disabled",
    "-Dgbm=enabled",
    "-Degl=enabled",
    "-Dgles1=disabled",
    "-Dgles2=enabled",
    "-Dopengl=true",
    "-Dllvm=disabled",
    "-Dshared-glapi=enabled",
    "-Dvideo-codecs=",
    "-Dgallium-va=disabled",
    "-Dgallium-vdpau=disabled",
    "-Dgallium-xa=disabled",
    "-Dgallium-nine=false",
)
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Debian's own Python has Debian's own Mako; another one that comes first on PATH has not."""
_NICE: Final = 10
_LAST_LINES: Final = 30
_STEP_PERCENT: Final = 5


class Mesa:
    """Source and build below `folder`."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder.resolve()
        self._say = progress.say
        self._source, self._build = self._folder / "source", self._folder / "build"
        # Both hold Debian's version
        self._fetched, self._built = self._folder / "fetched", self._folder / "built"

    def make(self) -> str:
        """Fetch and build what is missing; returns the Debian version. Raises FirmwareError.

        A build that was stopped goes on where it was.
        """
        if not self._built.exists():
            _need_tools()
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._fetched.exists():
                self._fetched.write_text(self._fetch())
            if not (self._build / "build.ninja").exists():
                self._configure()
            self._compile()
            self._fetched.replace(self._built)
        return self._built.read_text()

    def environment(self, gpu_id: str) -> dict[str, str]:
        """What a process needs to draw with this Mesa on a GPU of that product number."""
        build = self._build
        libraries = ("src/egl", "src/gbm", "src/mapi/es2api", "src/mapi/shared-glapi")
        return {
            "LD_LIBRARY_PATH": ":".join(str(build / each) for each in libraries),
            "LIBGL_DRIVERS_PATH": str(build / "src/gallium/targets/dri"),
            "LD_PRELOAD": str(build / "src/panfrost/drm-shim/libpanfrost_noop_drm_shim.so"),
            "EGL_PLATFORM": "surfaceless",
            "SDL_VIDEODRIVER": "offscreen",
            # What comes from a cache is not compiled, and so not told
            "MESA_SHADER_CACHE_DISABLE": "true",
            "BIFROST_MESA_DEBUG": "shaderdb",
            "PAN_GPU_ID": gpu_id,
        }

    def _fetch(self) -> str:
        self._say(f"fetching the source of {PACKAGE} from Debian ({CODENAME}, 28 MB)")
        state = self._folder / "apt"
        for folder in ("lists/partial", "archives/partial", "fetched"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (state / "status").write_text("")
        (state / "debian.sources").write_text(
            f"Types: deb-src\nURIs: {host_mirrors()[0]}\nSuites: {CODENAME}\nComponents: main\n"
            f"Signed-By: {KEYRING}\n"
        )
        host = run(["apt-config", "dump", "Acquire"], doing="reading the host's apt configuration")
        (state / "apt.conf").write_text(configuration(state, host.decode("utf-8")))
        environment = {"APT_CONFIG": str(state / "apt.conf")}
        hint = "is the network there, and does the mirror have sources (deb-src)?"
        doing = f"fetching the source of {PACKAGE}"
        run(
            ["apt-get", "update", "--error-on=any"], doing=doing, hint=hint, environment=environment
        )
        fetched = state / "fetched"
        run(
            ["apt-get", "source", "--download-only", PACKAGE],
            doing=doing,
            hint=hint,
            environment=environment,
            folder=fetched,
        )
        description = max(fetched.glob("*.dsc"), key=lambda path: path.stat().st_mtime)
        for old in (self._source, self._build):
            shutil.rmtree(old, ignore_errors=True)
        # apt has checked every file against the signed index
        run(
            ["dpkg-source", "--no-check", "--extract", description, self._source],
            doing="unpacking it",
        )
        return description.stem.partition("_")[2]

    def _configure(self) -> None:
        self._say("configuring it")
        run(
            ["meson", "setup", self._build, self._source, *_OPTIONS],
            doing="configuring Mesa",
            hint="are all packages there? `scripts/install_packages.sh shader-report`",
            environment={"PATH": _PATH},
        )

    def _compile(self) -> None:
        cores = len(os.sched_getaffinity(0))
        self._say(f"building it once, with {cores} cores (ten minutes with two)")
        lines: list[str] = []
        told = 0
        with subprocess.Popen(
            ["nice", "-n", str(_NICE), "ninja", "-C", str(self._build), "-j", str(cores)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": _PATH, "LC_ALL": "C.UTF-8"},
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines = [*lines, line.rstrip()][-_LAST_LINES:]
                if found := re.match(r"\[(\d+)/(\d+)\]", line):
                    percent = 100 * int(found[1]) // int(found[2])
                    if percent >= told + _STEP_PERCENT:
                        told = percent - percent % _STEP_PERCENT
                        self._say(f"  built {told} %")
        if process.returncode != 0:
            shown = "\n".join(f"    {line}" for line in lines)
            raise FirmwareError(
                f"building Mesa failed (ninja, exit status {process.returncode}); its last "
                f"lines:\n{shown}"
            )


def _need_tools() -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool, path=_PATH) is None]
    if missing:
        raise FirmwareError(
            f"missing: {', '.join(missing)}; install them with "
            "`scripts/install_packages.sh shader-report`"
        )
    if not KEYRING.exists():
        raise FirmwareError(
            f"{KEYRING} is missing, so the source could not be checked; install Debian's "
            "debian-archive-keyring"
        )
