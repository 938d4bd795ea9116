# SPDX-License-Identifier: Apache-2.0
"""One ssh connection to a board: scripts over stdin, files over stdin, the host key checked.

scp needs an sftp server on the board, which small systems leave out; `cat` over ssh does not,
and the hash is compared afterwards in any case. One connection is shared (ControlMaster), so
that a password is asked for once. The host key is never taken unseen: ssh asks on a terminal
and refuses where there is none.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from flashing.commands import Output, find_tool
from flashing.errors import FlashError
from flashing.job import hash_file
from flashing.report import Report

_CHUNK: Final = 1 << 18
_CONNECT_S: Final = 20
_SSH_FAILED: Final = 255


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to, and as whom. `control` is a private folder for the shared connection."""

    host: str
    port: int
    known_hosts: Path | None
    control: Path
    sudo: bool = False

    def argv(self, *command: str) -> list[str]:
        """ssh with a command for the board's shell."""
        strict = "ask" if sys.stdin.isatty() else "yes"
        options = [f"StrictHostKeyChecking={strict}", f"ConnectTimeout={_CONNECT_S}"]
        options += ["ServerAliveInterval=15", "ControlMaster=auto", "ControlPersist=60"]
        options += [f"ControlPath={self.control}/%C"]
        if self.known_hosts:
            options += [f"UserKnownHostsFile={self.known_hosts}"]
        words = [word for option in options for word in ("-o", option)]
        return ["ssh", *words, "-p", str(self.port), self.host, *command]

    def script_argv(self) -> list[str]:
        """ssh that runs the script on its stdin, as root."""
        return self.argv("sudo -n sh -s" if self.sudo else "sh -s")

    def script(self, text: str, echo: bool = False) -> Output:
        """Run a shell script on the board; with `echo` its output is shown as it comes."""
        argv = self.script_argv()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if echo else subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            try:
                process.stdin.write(text)
                process.stdin.close()
            except BrokenPipeError:  # ssh ended first; its status says why
                pass
            lines = []
            for line in process.stdout:
                lines.append(line)
                if echo:
                    print(f"         {line}", end="", flush=True)
        return Output(tuple(argv), process.returncode, "".join(lines))

    def send(self, file: Path, remote: str, report: Report) -> None:
        """Copy a file to the board and compare its hash there; raises FlashError."""
        argv = self.argv(f"cat > {shlex.quote(remote)}")
        report.note(f"$ {shlex.join(['ssh', self.host, argv[-1]])} < {file}")
        size, done = file.stat().st_size, 0
        process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        assert process.stdin is not None
        try:
            with file.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    process.stdin.write(chunk)
                    done += len(chunk)
                    report.progress(done / size)
            process.stdin.close()
        except BrokenPipeError:
            pass
        if process.wait() != 0 or done < size:
            raise FlashError(f"{file.name} did not reach {self.host} ({done} of {size} bytes)")
        output = self.script(f"sha256sum {shlex.quote(remote)}\n")
        if output.text.split()[:1] != [hash_file(file)]:
            raise FlashError(
                f"{file.name} arrived damaged at {self.host} ({output.last_line}); try again"
            )

    def fetch(self, command: str, file: Path) -> Output:
        """Run a command on the board as root and keep its stdout in a new file."""
        argv = self.argv(f"sudo -n {command}" if self.sudo else command)
        with file.open("xb") as target:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=target, stderr=subprocess.PIPE, check=False
            )
        return Output(tuple(argv), done.returncode, done.stderr.decode("utf-8", "replace"))

    def upload_folder(self) -> str:
        """A new private folder on the board, of the user that copies; raises FlashError."""
        script = "umask 077; mktemp -d /var/tmp/kiosk-XXXXXX\n"
        output = replace(self, sudo=False).script(script)
        folder = output.text.strip()
        if output.status != 0 or not folder.startswith("/var/tmp/kiosk-"):
            raise FlashError(f"no folder for the upload could be made: {output.last_line}")
        return folder

    def close(self) -> None:
        """End the shared connection."""
        argv = self.argv()
        subprocess.run([*argv[:-1], "-O", "exit", self.host], capture_output=True, check=False)


def check_host(host: str) -> None:
    """Raises FlashError for what ssh would read as an option, or what is not an address."""
    if not host or host.startswith("-") or any(letter in host for letter in " \t\n'\""):
        raise FlashError(f"'{host}' is not an ssh address; give HOST=root@192.168.1.40 or a name")
    find_tool("ssh", "sudo apt install openssh-client")


def explain(output: Output, connection: Connection) -> FlashError:
    """Why a connection failed, and what to do."""
    host = connection.host
    if "Host key verification failed" in output.text or "host key" in output.text.lower():
        mend = (
            "the board's host key is not known here, or is another one than before. On the "
            "board (serial console): ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; here: "
            f"ssh -p {connection.port} {host}, and compare before answering yes"
        )
    elif "Permission denied" in output.text:
        mend = "give the board this computer's public key (ssh-copy-id) or a user with a password"
    else:
        mend = "is it switched on, on this network, and does its ssh server run?"
    return FlashError(f"no ssh to {host} (port {connection.port}): {output.last_line}; {mend}")


def is_refused(output: Output) -> bool:
    """Whether ssh itself failed, not the script."""
    return output.status == _SSH_FAILED
