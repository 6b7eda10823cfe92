"""A reader of the documentation: takes its pages apart into blocks, and does what they say in a copy of the project."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import yaml
from markdown_it import MarkdownIt

from lending_club.datasets.catalog import Catalog
from lending_club.environment import ConfigLoader, environment
from lending_club.parameters import read_parameters
from tests.conftest import PROJECT, SAMPLE, write_inputs

_SECONDS = 180
_READY = (".ready", ".extras")  # make's word for an environment that is set up
_NOTEBOOK = """from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "kedro.ipython")
"""
_OURS = ("LENDING_CLUB", "KEDRO", "DATABRICKS", "PYTHONDONTWRITEBYTECODE", "MAKE", "MFLAGS")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The page's path in the project.
        line: Line of the page where it starts.
        section: The heading above it.
        kind: First word of its info string; empty for an indented block.
        about: The rest of its info string, which a reader does not see.
        text: What stands in it.
    """

    page: str
    line: int
    section: str
    kind: str
    about: str
    text: str


def pages() -> list[str]:
    """The pages of the documentation, by their paths in the project."""
    return ["README.md", *sorted(str(path.relative_to(PROJECT)) for path in (PROJECT / "docs").rglob("*.md"))]


def blocks(page: str) -> list[Block]:
    """The blocks of a page; what tells the site how it is put together, such as ``{toctree}``, is none."""
    found, section = [], ""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse((PROJECT / page).read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            section = following.content
        if token.type in ("fence", "code_block") and not token.info.startswith("{"):
            kind, _, about = token.info.strip().partition(" ")
            found.append(Block(page, (token.map or [0])[0] + 1, section, kind, about, token.content))
    return found


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it is shown to print."""
    first, *rest = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not first, f"{block.page}, line {block.line}: the block must begin with a command, after '$ '"
    for part in rest:
        command, _, shown = part.partition("\n")
        yield command, shown


def is_shown(shown: str, printed: str, whole: bool = True) -> bool:
    """Whether a text is what a page shows of it: ``...`` stands for anything, and blank lines do not count."""
    lines = [line.rstrip() for line in shown.splitlines() if line.strip()]
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.split("..."))) + r"\n" for line in lines)
    text = "".join(f"{line.rstrip()}\n" for line in printed.splitlines() if line.strip())
    return bool(re.fullmatch(pattern, text) if whole else re.search(f"^{pattern}", text, re.MULTILINE))


@dataclass
class Reader:
    """Somebody with a copy of the project in ``/srv/lending_club``, below a directory that stands for ``/``.

    A delivery is in ``/srv/lending`` and in ``/srv/delivery``, and the environment is that of these tests.

    Attributes:
        root: The directory that stands for ``/``.
        done: A data directory in which the job has been run on the sample, for a reader who has done that and works in the
            project's environment; None for one who has just cloned the project.
    """

    root: Path
    done: Path | None = None
    project: Path = field(init=False)
    _cells: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        srv = self.root / "srv"
        self.project = srv / "lending_club"
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, capture_output=True, check=True
        )
        for name in filter(None, tracked.stdout.decode().split("\0")):
            if (PROJECT / name).is_file():
                target = self.project / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(PROJECT / name, target)
        venv = self.project / ".venv"
        venv.mkdir()
        for path in Path(sys.prefix).iterdir():
            if path.name not in _READY:
                (venv / path.name).symlink_to(path)
        customers, accounts = (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()
        write_inputs(srv / "lending", customers, accounts)
        (srv / "delivery").mkdir()
        (srv / "delivery" / "book_of_accounts.csv").write_bytes(accounts)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        places = [place for place in kept["PATH"].split(os.pathsep) if not Path(place).is_relative_to(sys.prefix)]
        if self.done is not None:
            places.insert(0, str(venv / "bin"))
            shutil.copytree(self.done, self.project / "data", symlinks=True, dirs_exist_ok=True)
        kept |= {"PATH": os.pathsep.join(places), "BROWSER": "echo %s", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.project,
            env=kept,
            text=True,
            start_new_session=True,
        )
        as_somebody = "git -c user.name=Reader -c user.email=reader@example.com -c commit.gpgsign=false"
        self.run(f"git init --quiet && git add --all && {as_somebody} commit --quiet --message 'As delivered'")
        for name in _READY:  # last, so that make never sets up the environment of these tests anew, as one of the copy
            (venv / name).touch()

    def close(self) -> None:
        """End the shell, and what it has started."""
        self._kill()
        self._process.communicate()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, command: str) -> tuple[str, int]:
        """Run a command in the reader's shell; return what it printed and its status."""
        assert self._process.stdin is not None and self._process.stdout is not None
        mark = uuid.uuid4().hex
        self._process.stdin.write(f"{{ {self._placed(command)}\n}} </dev/null\nprintf '\\n{mark} %s\\n' $?\n")
        self._process.stdin.flush()
        watchdog = threading.Timer(_SECONDS, self._kill)
        watchdog.start()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(mark):
                watchdog.cancel()
                return "".join(printed), int(line.split()[1])
            printed.append(line)
        raise AssertionError(f"The shell has ended, or hung for {_SECONDS} s, in: {command}\n{''.join(printed)}")

    def _placed(self, text: str) -> str:
        return re.sub(r"(?<![\w.-])/(srv|etc)(?=/)", rf"{self.root}/\1", text)

    def do(self, block: Block, not_run: Mapping[str, str]) -> None:
        """Do what a block says; fail where that is not so."""
        place = f"{block.page}, line {block.line}"
        match block.kind, block.about:
            case "console", "":
                for command, shown in commands(block):
                    if command not in not_run:
                        self._type(place, command, shown)
            case "python", "":
                script = self.project / "pasted.py"
                script.write_text(block.text, encoding="utf-8")
                printed, status = self.run(f"{self.project}/.venv/bin/python pasted.py; status=$?; rm pasted.py; (exit $status)")
                assert status == 0, f"{place}\n{printed}"
            case "python", "notebook":
                self._cells.append(block.text)
                cells = "".join(f"shell.run_cell({cell!r}).raise_error()\n" for cell in self._cells)
                (self.project / "notebook.py").write_text(f"{_NOTEBOOK}{cells}", encoding="utf-8")
                printed, status = self.run(
                    f"{self.project}/.venv/bin/python notebook.py; status=$?; rm notebook.py; (exit $status)"
                )
                assert status == 0, f"{place}\n{printed}"
            case "sql", "":
                self._ask(place, block.text)
            case "yaml", path if path:
                self._put(path, yaml.safe_load(block.text))
            case "ini", ".env":
                (self.project / ".env").write_text(self._placed(block.text), encoding="utf-8")
            case "ini", path if path.endswith((".service", ".timer")):
                self._start(place, path, self._placed(block.text))
            case "text", "crontab":
                self._wait_for_cron(place, self._placed(block.text))
            case "text", "tree":
                self._find(place, block.text)
            case _:
                raise AssertionError(f"{place}: no reader knows what to do with a block of the kind '{block.kind} {block.about}'")

    def _type(self, place: str, command: str, shown: str) -> None:
        printed, status = self.run(command)
        fails = any(line.startswith("Error:") for line in shown.splitlines())
        assert (status != 0) == fails, f"{place}: status {status} of {command}\n{printed}"
        if shown:
            assert is_shown(self._placed(shown), printed), f"{place}: {command} prints\n{printed}\nand not\n{shown}"

    def _ask(self, place: str, query: str) -> None:
        database = self.project / "data" / "08_reporting" / "lending_club.duckdb"
        with duckdb.connect(database, read_only=True) as connection:
            assert connection.execute(query).fetchall(), f"{place}: the query finds nothing"

    def _put(self, path: str, content: dict[str, Any]) -> None:
        """Write something to a file, or change there what is said, and see that the configuration is still valid."""
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        text = yaml.safe_dump(_merged(before, content), sort_keys=False, allow_unicode=True)
        file.write_text(self._placed(text), encoding="utf-8")
        conf, env = self.project / "conf", Path(path).parts[1]
        with mock.patch.dict(os.environ, {name: "" for name in os.environ if name.startswith(_OURS[:3])}):
            loader = ConfigLoader(
                str(conf),
                env=None if env == "base" else env,
                base_env="base",
                default_run_env="local",
                custom_resolvers={"env": environment},
            )
            read_parameters(loader["parameters"])
            catalog = Catalog.from_config(loader["catalog"])
            assert catalog["accounts_csv"].load().path.is_absolute() or "data" in str(catalog["accounts_csv"].load().path)
            for name in content.get("databricks", {}):
                assert os.environ[f"DATABRICKS_{name.upper()}"]

    def _start(self, place: str, path: str, text: str) -> None:
        """Do what systemd would, and have systemd look at the unit where the machine has it."""
        unit = configparser.ConfigParser()
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(text)
        if "Service" in unit:
            service = unit["Service"]
            name, _, value = service["Environment"].partition("=")
            done = subprocess.run(
                service["ExecStart"].split(),
                cwd=service["WorkingDirectory"],
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), name: value},
                capture_output=True,
                text=True,
                timeout=_SECONDS,
            )
            assert done.returncode == 0, f"{place}\n{done.stderr}"
        elif shutil.which("systemd-analyze"):
            subprocess.run(["systemd-analyze", "calendar", unit["Timer"]["OnCalendar"]], check=True, capture_output=True)

    def _wait_for_cron(self, place: str, text: str) -> None:
        """Run each line as cron does, in a shell that knows nothing; cron would mail what it prints."""
        known = {"PATH": "/usr/bin:/bin", "HOME": str(self.root), "SHELL": "/bin/sh"}
        for line in text.splitlines():
            if setting := re.fullmatch(r"(\w+)=(.*)", line):
                known[setting[1]] = setting[2]
                continue
            job = re.fullmatch(r"(?:[\d*,/-]+ +){5}(.*)", line)
            assert job, f"{place}: no line of a crontab: {line}"
            done = subprocess.run(
                ["/bin/sh", "-c", job[1]], cwd=self.root, env=known, capture_output=True, text=True, timeout=_SECONDS
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), f"{place}: {line}\n{done.stdout}{done.stderr}"

    def _find(self, place: str, text: str) -> None:
        """See that the paths of a tree exist; a line that is indented more is below the one above it."""
        above: list[tuple[int, Path]] = [(-1, self.project)]
        for line in text.splitlines():
            indent = len(line) - len(line.lstrip())
            while above[-1][0] >= indent:
                above.pop()
            names = re.match(r"(?:\S+  ?)*?\S+(?=   |$)", line.strip())
            assert names, f"{place}: {line}"
            for name in names[0].split():
                assert (above[-1][1] / name).exists(), f"{place}: there is no {name}"
            if names[0].endswith("/"):
                above.append((indent, above[-1][1] / names[0]))


def _merged(before: Any, change: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(change, dict):
        return change
    return {**before, **{name: _merged(before.get(name), value) for name, value in change.items()}}
