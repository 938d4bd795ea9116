# SPDX-License-Identifier: Apache-2.0
"""Fetches Debian 12 arm64 packages as an ordinary user, checked by apt against Debian's keys.

apt runs with a state folder of its own, so that neither root nor a foreign architecture is
needed. The mirror and the proxy are the host's where it is a Debian, else deb.debian.org;
of the host's apt configuration only the `Acquire` part is taken, because the rest holds
hooks that belong to the host. What was resolved is kept for a week (or until asked for
again), so that builds of one day are of the same versions and need no network.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run

CODENAME: Final = "bookworm"
ARCHITECTURE: Final = "arm64"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEFAULT_MIRROR: Final = "http://deb.debian.org/debian"
DEFAULT_SECURITY_MIRROR: Final = "http://deb.debian.org/debian-security"
KEEP_S: Final = 7 * 24 * 3600
_NETWORK_HINT: Final = "is the network there, and does the mirror have arm64?"


@dataclass(frozen=True, slots=True)
class Deb:
    """One package file: `sha256` is of the file, as Debian's signed index has it."""

    name: str
    version: str
    file_name: str
    sha256: str


def fetch_debs(
    names: Sequence[str], cache: Path, *, refresh: bool = False
) -> dict[str, tuple[Deb, Path]]:
    """Each package by name with where its file lies; raises FirmwareError."""
    debs = _resolve(names, cache, refresh)
    folder = cache / "debs"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {deb.name: folder / deb.file_name for deb in debs}
    missing = [deb for deb in debs if _digest(paths[deb.name]) != deb.sha256]
    if missing:
        state = cache / "apt"
        if not (state / "apt.conf").exists():
            _update(state)
        wanted = [f"{deb.name}={deb.version}" for deb in missing]
        run(
            ["apt-get", "download", *wanted],
            doing="fetching Debian packages",
            hint=_NETWORK_HINT + " --refresh asks for the newest versions",
            environment={"APT_CONFIG": str((state / "apt.conf").resolve())},
            folder=folder,
        )
    for deb in missing:
        if _digest(paths[deb.name]) != deb.sha256:
            raise FirmwareError(f"{paths[deb.name]}: not the file that Debian's index names")
    return {deb.name: (deb, paths[deb.name]) for deb in debs}


def _resolve(names: Sequence[str], cache: Path, refresh: bool) -> list[Deb]:
    """The versions to take: those resolved before, when recent enough, else the newest."""
    key = sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]
    record = cache / f"debs-{key}.json"
    if record.exists() and not refresh and time.time() - record.stat().st_mtime < KEEP_S:
        try:
            return [Deb(**row) for row in json.loads(record.read_text())]
        except (ValueError, TypeError):
            record.unlink()
    state = cache / "apt"
    _update(state)
    printed = run(
        ["apt-cache", "show", "--no-all-versions", *names],
        doing="looking up Debian packages",
        environment={"APT_CONFIG": str((state / "apt.conf").resolve())},
    )
    debs = parse_records(printed.decode("utf-8"))
    if missing := set(names) - {deb.name for deb in debs}:
        raise FirmwareError(f"Debian has no package {', '.join(sorted(missing))} for arm64")
    record.write_text(json.dumps([asdict(deb) for deb in debs], indent=1))
    return debs


def parse_records(text: str) -> list[Deb]:
    """The packages in the paragraphs that `apt-cache show` prints."""
    debs = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", paragraph, re.MULTILINE))
        try:
            name, version, digest = fields["Package"], fields["Version"], fields["SHA256"]
            # as `apt-get download` names it: the epoch's colon is escaped
            escaped = version.replace(":", "%3a")
            file_name = f"{name}_{escaped}_{fields['Architecture']}.deb"
        except KeyError as error:
            raise FirmwareError(f"apt's index lacks {error} for a package") from error
        debs.append(Deb(name, version, file_name, digest))
    return sorted(debs, key=lambda deb: deb.name)


def _update(state: Path) -> None:
    """Make the private state and fetch Debian's signed indexes."""
    if not KEYRING.exists():
        raise FirmwareError(
            f"{KEYRING} is missing, so no package could be checked; install Debian's "
            "debian-archive-keyring"
        )
    state = state.resolve()
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").write_text("")
    (state / "debian.sources").write_text(sources(*host_mirrors()))
    host = run(["apt-config", "dump", "Acquire"], doing="reading the host's apt configuration")
    (state / "apt.conf").write_text(configuration(state, host.decode("utf-8")))
    run(
        ["apt-get", "update", "--error-on=any"],
        doing="fetching Debian's package index",
        hint=_NETWORK_HINT,
        environment={"APT_CONFIG": str(state / "apt.conf")},
    )


def configuration(state: Path, host_acquire: str) -> str:
    """An apt.conf that knows nothing of the host but how it reaches its mirror."""
    return f"""{host_acquire}
Acquire::Languages "none";
Acquire::Check-Valid-Until "true";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
APT::Architecture "{ARCHITECTURE}";
APT::Architectures {{ "{ARCHITECTURE}"; }};
APT::Sandbox::User "";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
Dir::Etc::sourcelist "{state}/debian.sources";
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}";
Dir::Cache::archives "{state}/archives";
"""


def sources(mirror: str, security_mirror: str) -> str:
    """The two stanzas: release with its updates, and security."""
    common = f"Components: main\nArchitectures: {ARCHITECTURE}\nSigned-By: {KEYRING}\n"
    return (
        f"Types: deb\nURIs: {mirror}\nSuites: {CODENAME} {CODENAME}-updates\n{common}\n"
        f"Types: deb\nURIs: {security_mirror}\nSuites: {CODENAME}-security\n{common}"
    )


def host_mirrors(etc: Path = Path("/etc")) -> tuple[str, str]:
    """Mirrors of release and security that a Debian host uses, else deb.debian.org's."""
    release, security = DEFAULT_MIRROR, DEFAULT_SECURITY_MIRROR
    for uri, suites in reversed(_host_stanzas(etc / "apt")):
        if any(suite.endswith("-security") for suite in suites):
            security = uri
        elif any(suite in _host_suites(etc) for suite in suites):
            release = uri
    return release, security


def _host_suites(etc: Path) -> set[str]:
    try:
        told = (etc / "os-release").read_text()
    except OSError:
        return set()
    values = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', told, re.MULTILINE))
    if values.get("ID") != "debian":
        return set()
    return {values.get("VERSION_CODENAME", ""), CODENAME, "stable", "oldstable"} - {""}


def _host_stanzas(apt: Path) -> list[tuple[str, list[str]]]:
    """URI and suites of each source that holds Debian's `main`, in order of apt's reading."""
    if not _host_suites(apt.parent):
        return []
    found = []
    old_style = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]
    for path in old_style:
        if path.is_file():
            pattern = r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s.*\bmain\b"
            rows = re.findall(pattern, path.read_text(), re.MULTILINE)
            found += [(uri, [suite]) for uri, suite in rows]
    for path in sorted(apt.glob("sources.list.d/*.sources")):
        for paragraph in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([A-Za-z-]+):\s*(.*)$", paragraph, re.MULTILINE))
            if "deb" in fields.get("Types", "") and "main" in fields.get("Components", ""):
                suites = fields.get("Suites", "").split()
                found += [(uri, suites) for uri in fields.get("URIs", "").split()]
    known = _host_suites(apt.parent)
    return [
        (uri, suites)
        for uri, suites in found
        if any(suite.partition("-")[0] in known for suite in suites) and "debian" in uri
    ]


def _digest(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        hasher = sha256()
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()
