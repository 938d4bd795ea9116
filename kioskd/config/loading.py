# SPDX-License-Identifier: Apache-2.0
"""From files and command line to a checked configuration, or all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from driving_client.link.settings import LinkSettings
from kioskd.config.accepted import NOTHING, Accepted
from kioskd.config.file_names import DROP_IN_FOLDER, is_drop_in, not_read
from kioskd.config.options import Kind, Value
from kioskd.config.part_settings import link_settings
from kioskd.config.reading import OVERRIDE_ORIGIN, Reading, read_file, read_override
from kioskd.config.rules import check_rules, read_secrets
from kioskd.config.secrets import Secrets, secret_in
from kioskd.config.table import OPTIONS, Config, build
from kioskd.errors import KioskError

DEFAULT_FILE = Path("/etc/kiosk/kiosk.yaml")


class ConfigError(KioskError):
    """The configuration cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, the files that it was read from, in order, and the link that it asks for.

    The link's settings are None without one. `secrets` is what the files hold that the
    configuration only names; `origins` says of each key where it was set; `warnings` are about
    what is not used as it is written; `accepted` is for the next image.
    """

    config: Config
    files: tuple[Path, ...]
    link: LinkSettings | None
    secrets: Secrets = field(default_factory=Secrets)
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    accepted: Accepted = NOTHING


def load(
    path: Path | None = None,
    overrides: Sequence[str] = (),
    stands_for: Path | None = None,
    accepted: Accepted = NOTHING,
) -> Loaded:
    """Read `path`, then the files of `kiosk.d` beside it in order of name, then overrides.

    Without a path, DEFAULT_FILE is read where it exists and everything has its default where
    not. Later values win, key by key. Relative file names in a file are relative to that
    file's folder, on the command line to the working directory. Raises ConfigError, which lists
    everything that the daemon would refuse: what is loaded needs no second check. What images
    before have `accepted` is a warning at most.
    """
    reading = Reading(accepted)
    files, values = _read(path, overrides, reading)
    if stands_for is not None and path is not None:
        values = {key: _moved(key, value, stands_for, path) for key, value in values.items()}
    config = build(values)
    # Rules are checked even where values were wrong: one run shows everything there is.
    secrets = read_secrets(config, reading)
    reading.problems += check_rules(config, secrets, reading)
    if reading.problems:
        raise ConfigError(reading.problems)
    link = link_settings(config, secrets.texts)
    warnings = tuple(reading.warnings)
    taken = Accepted(reading.taken)
    return Loaded(config, tuple(files), link, secrets, reading.origins, warnings, taken)


def written(path: Path, accepted: Accepted) -> Config:
    """What the files say as far as it can be read; no file that they name is looked at."""
    return build(_read(path, (), Reading(accepted))[1])


def _read(
    path: Path | None, overrides: Sequence[str], reading: Reading
) -> tuple[list[Path], dict[str, Value]]:
    files = _files(path, reading)
    for file in files:
        read_file(file, reading)
    for override in overrides:
        read_override(override, reading)
    return files, {key: _absolute(key, value, reading) for key, value in reading.values.items()}


def read_secret(path: str) -> str:
    """The secret in a file, without the line's end; raises ConfigError. Empty only for no path."""
    if not path:
        return ""
    try:
        return secret_in(path)
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from error


def _files(path: Path | None, reading: Reading) -> list[Path]:
    main = DEFAULT_FILE if path is None else path
    folder = main.parent / DROP_IN_FOLDER
    inside: list[Path] = []
    try:
        # Not glob(): it takes a folder that cannot be read for an empty one
        inside = sorted(folder.iterdir())
    except FileNotFoundError:
        pass
    except OSError as error:
        reading.problems.append(
            f"{folder}: cannot be read ({error.strerror}); make it a folder that kioskd may read, "
            "or remove it"
        )
    missing = not os.path.lexists(main)
    told = not_read(main, inside) if main.name == DEFAULT_FILE.name else []
    # Where the file is missing, its other names are why
    (reading.problems if missing and path is not None else reading.warnings).extend(told)
    drop_ins = [file for file in inside if is_drop_in(file.name)]
    return drop_ins if path is None and missing else [main, *drop_ins]


def _absolute(key: str, value: Value, reading: Reading) -> Value:
    if OPTIONS[key].rule.kind not in (Kind.FILE, Kind.SECRET_FILE) or not value:
        return value
    origin = reading.origins[key]
    folder = Path()
    if not origin.startswith(OVERRIDE_ORIGIN):
        folder = Path(origin.rpartition(":")[0]).parent
    # Not Path.resolve(): it raises RuntimeError for a link that leads to itself
    return os.path.abspath(folder / str(value))  # noqa: PTH100


def _moved(key: str, value: Value, stands_for: Path, path: Path) -> Value:
    if OPTIONS[key].rule.kind not in (Kind.FILE, Kind.SECRET_FILE) or not value:
        return value
    name = Path(str(value))
    if not name.is_relative_to(stands_for):
        return value
    return str(path.parent / name.relative_to(stands_for))
