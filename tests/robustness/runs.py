"""Real runs of pytest, each in a process of its own, and what can be told of one afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import processes

# A few checks of every kind: clones, changes, a race, rights; some are kept, some are broken.
SELECT = "US102,US104,US107,US201,US205,US302,US601"
PATIENCE = 120.0
_LINES, _BYTES = 400, 400_000
_FRAME = re.compile(r'File "[^"]*/pytest_usersync/|^\S*pytest_usersync/\S+\.py:\d+: ', re.MULTILINE)
_RAISED = re.compile(r"Traceback \(most recent call last\)|INTERNALERROR|^E   ", re.MULTILINE)
# Where pytest was when Ctrl-C came: its own line, one a run.
_STRUCK = re.compile(r"^\S+:\d+: KeyboardInterrupt$", re.MULTILINE)
_ERROR = re.compile(
    r"^(?:INTERNALERROR> |E {3,})*([\w.]+(?:Error|Exception|Interrupt|Shutdown)\b.*)", re.MULTILINE
)
_PROGRESS = re.compile(rb"^\S+ [.FEswa?]+|^[.FEswa?]+ *(\[|$)", re.MULTILINE)
Verdicts = dict[str, str]


@dataclass
class Report:
    """What a run left to read: exit status, verdicts by check and case, output."""

    status: int
    seconds: float
    output: str
    verdicts: Verdicts = field(default_factory=dict)
    hung: bool = False
    when: str = ""

    def complaints(self) -> list[str]:
        """Return what no run may show, whatever happened to it."""
        found = []
        text = _STRUCK.sub("", self.output)
        if self.of_xdist():
            pass
        elif "INTERNALERROR" in text:
            found.append(f"INTERNALERROR: {_last(text)}")
        elif _RAISED.search(text) and _FRAME.search(text) and not self._struck_at_import():
            found.append(f"a traceback of ours: {_last(text)}")
        if self.hung:
            found.append(f"the run did not end within {PATIENCE:.0f} s")
        if (lines := text.count("\n")) > _LINES or len(text) > _BYTES:
            found.append(f"{lines} lines, {len(text) // 1000} kB of output")
        if "\x1b" in text:
            found.append("an escape character in the output")
        return found

    def of_xdist(self) -> bool:
        """Return whether xdist itself failed, as it does when a worker dies while it starts."""
        frames = re.findall(r'^INTERNALERROR>   File "([^"]+)"', self.output, re.MULTILINE)
        return bool(frames) and re.search(r"/(execnet|xdist)/", frames[-1]) is not None

    def _struck_at_import(self) -> bool:
        """Return whether Python itself was interrupted, while it imported."""
        return "session starts" not in self.output and "importlib._bootstrap" in self.output

    def one_line(self) -> bool:
        """Return whether the run ended as one does that cannot be: one line, exit 4."""
        said = [line for line in self.output.splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR: ")]
        return self.status == 4 and len(errors) == 1 and said[-1] == errors[0]


class Run:
    """A run that goes on."""

    def __init__(
        self, folder: Path, out: Path, environment: Mapping[str, str], *arguments: str
    ) -> None:
        self.out = out
        for name in ("said", "report.json", "junit.xml"):
            (out / name).unlink(missing_ok=True)
        self._began = time.monotonic()
        xdist = ("-p", "xdist") if "-n" in arguments else ()
        command = [sys.executable, "-m", "pytest", *_PLAIN, *xdist, *arguments]
        if "--usersync" in arguments and not _has(arguments, "--usersync-report"):
            command.append(f"--usersync-report={out / 'report.json'}")
        with (out / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [*command, f"--junitxml={out / 'junit.xml'}"],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.when = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> bool:
        return self.process.poll() is not None

    def is_up_after(self, seconds: float) -> bool:
        """Wait until so much time has gone since the start; return whether the run goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, self._began + seconds - time.monotonic()))
            return False
        self.when = self._moment()
        return True

    def _moment(self) -> str:
        text = (self.out / "said").read_bytes()
        if b"session starts" not in text:
            return "before the header"
        if re.search(rb"^=+ (FAILURES|usersync:?|short test summary) ", text, re.MULTILINE):
            return "at the end"
        return "among the checks" if _PROGRESS.search(text) else "before the checks"

    def report(self, patience: float = PATIENCE) -> Report:
        """Wait for the end and return what can be read; end a run that hangs."""
        hung = False
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            hung = True
            # Its server is not killed: it must notice by itself that the run is gone.
            children = processes.descendants(self.pid)
            pids = [self.pid, *(one.pid for one in children if one.is_python)]
            processes.send(pids, signal.SIGKILL)
            self.process.wait()
        seconds = time.monotonic() - self._began
        output = (self.out / "said").read_text(encoding="utf-8", errors="surrogateescape")
        verdicts = {**_judged(self.out / "report.json"), **_tested(self.out / "junit.xml")}
        return Report(self.process.returncode, seconds, output, verdicts, hung, self.when)


_PLAIN = ("-p", "pytest_usersync.plugin.hooks", "-p", "no:cacheprovider", "--color=no")


def _has(arguments: Sequence[str], option: str) -> bool:
    return any(one.startswith(option) for one in arguments)


def _last(text: str) -> str:
    """Return the error of the last traceback, shortly."""
    internal = re.findall(r"^INTERNALERROR> (\S.*)", text, re.MULTILINE)
    errors = internal or _ERROR.findall(text)
    return errors[-1][:120] if errors else "?"


def _judged(path: Path) -> Verdicts:
    """Return the verdicts of the checks, by code and case."""
    with contextlib.suppress(FileNotFoundError):
        data = json.loads(path.read_text(encoding="utf-8"))
        return {
            f"{check['code']}[{case['case']}]": case["outcome"]
            for check in data["checks"]
            for case in check["cases"]
        }
    return {}


def _tested(path: Path) -> Verdicts:
    """Return how the app's own tests ended, by name."""
    found = {}
    with contextlib.suppress(FileNotFoundError, ET.ParseError):
        for case in ET.parse(path).iter("testcase"):  # noqa: S314  we made it
            if "test_app" in case.get("classname", ""):
                ends = {one.tag for one in case} & {"failure", "error", "skipped"}
                found[case.get("name", "")] = min(ends, default="passed")
    return found


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return a clean environment; of ours only what Python and its libraries need."""
    kept = {"PATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONPATH"}
    return {
        **{name: value for name, value in os.environ.items() if name in kept},
        "HOME": str(home),
        "LANG": "C.UTF-8",
        # Half of a run's time goes into plugins that have no part in it.
        "PYTHONUNBUFFERED": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **more,
    }
