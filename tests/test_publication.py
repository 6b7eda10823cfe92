"""The published set is replaced whole or not at all, wherever its maker is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lending_club.errors import PublicationError
from lending_club.publication import Publication
from tests.conftest import PROJECT

NAMES = {"a.csv", "b.csv"}

# Publishes one set in a process that is killed before its k-th change of the file system.
KILLED = """
import os, signal, sys
from pathlib import Path
from lending_club.publication import Publication
directory, kill_at, content = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
changes = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "shutil.rmtree"}
count = 0
def watch(event, arguments):
    global count
    is_write = event == "open" and (isinstance(arguments[1], str) and "w" in arguments[1] or arguments[2] & os.O_WRONLY)
    if event in changes or is_write or event == "open" and str(directory) in str(arguments[0]):
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
publication = Publication(directory)
for name in ("a.csv", "b.csv"):
    publication.stage(name).write_text(content)
publication.publish({"a.csv", "b.csv"})
"""


def publish(directory: Path, content: str) -> None:
    publication = Publication(directory)
    for name in NAMES:
        publication.stage(name).write_text(content)
    publication.publish(NAMES)


def read(directory: Path) -> set[str]:
    """The different contents of the published names, nothing for one that is not there."""
    return {(directory / name).read_text() if (directory / name).exists() else "" for name in NAMES}


def leftovers(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name not in NAMES | {".current", ".versions"})


def test_a_set_replaces_the_one_before(tmp_path: Path) -> None:
    for content in ("one", "two", "three"):
        publish(tmp_path, content)
        assert read(tmp_path) == {content}
    assert leftovers(tmp_path) == []
    assert len(list((tmp_path / ".versions").iterdir())) == 2, "the current set and the one before it"


@pytest.mark.parametrize("published_before", [True, False])
def test_a_kill_at_any_change_leaves_the_old_set_or_the_new_one(tmp_path: Path, published_before: bool) -> None:
    outcomes = []
    for kill_at in range(1, 100):
        directory = tmp_path / str(kill_at)
        if published_before:
            publish(directory, "before")
            publish(directory, "old")
        else:
            directory.mkdir()
        arguments = [sys.executable, "-c", KILLED, str(directory), str(kill_at), "new"]
        ended = subprocess.run(arguments, cwd=PROJECT, capture_output=True, timeout=60)
        found = read(directory)
        assert len(found) == 1, f"killed before change {kill_at}: a mixture, {found}"
        outcomes.append(found.pop())
        publish(directory, "next")
        assert read(directory) == {"next"}
        assert leftovers(directory) == []
        assert len(list((directory / ".versions").iterdir())) <= 2
        if ended.returncode == 0:
            break
    old = "old" if published_before else ""
    assert set(outcomes) == {old, "new"}, "kills before and after the switch"
    assert sorted(outcomes, key=lambda outcome: outcome == "new") == outcomes, "the switch happens once"


def test_a_set_is_published_whole(tmp_path: Path) -> None:
    publish(tmp_path, "old")
    publication = Publication(tmp_path)
    publication.stage("a.csv").write_text("new")
    with pytest.raises(PublicationError, match=r"this run made \['a.csv'\] of the outputs \['a.csv', 'b.csv'\].*whole reporting"):
        publication.publish(NAMES)
    assert read(tmp_path) == {"old"}


def test_what_a_killed_run_staged_is_not_published(tmp_path: Path) -> None:
    Publication(tmp_path).stage("a.csv").write_text("left over")
    publication = Publication(tmp_path)
    publication.stage("b.csv").write_text("new")
    with pytest.raises(PublicationError, match=r"made \['b.csv'\]"):
        publication.publish(NAMES)


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(PublicationError, match=r"a.csv is not this project's"):
        publish(tmp_path, "new")
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_an_open_file_stays_as_it_was(tmp_path: Path) -> None:
    publish(tmp_path, "old")
    with (tmp_path / "a.csv").open() as reader:
        publish(tmp_path, "new")
        publish(tmp_path, "newer")
        assert reader.read() == "old"


def test_a_reader_never_finds_a_gap(tmp_path: Path) -> None:
    publish(tmp_path, "0")
    code = (
        "import sys, pathlib\nseen = []\nwhile not seen or seen[-1] != '200':\n"
        f"    seen.append(pathlib.Path({str(tmp_path / 'a.csv')!r}).read_text())\n"
        "assert all(map(str.isdigit, seen)) and list(map(int, seen)) == sorted(map(int, seen)); print(len(set(seen)))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as reader:
        for number in range(1, 201):
            publish(tmp_path, str(number))
        assert int(reader.communicate(timeout=60)[0]) > 1
    assert reader.returncode == 0
