"""Leaving out a run that would publish what is published already."""

from __future__ import annotations

import hashlib
import json
import logging
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from pluggy import PluginManager

from lending_club.csv_file import CsvFile
from lending_club.datasets import CsvSource, PublishedFile, PublishedOutputs, PublishedPage, PublishedTable
from lending_club.errors import InputFileError
from lending_club.run_record import code_checksum

logger = logging.getLogger(__name__)

_SUMMARY = "run_summary"


class SkipUnchangedRunner(SequentialRunner):
    """Runs the steps one after the other, unless the last run was made of the same and what it published is still there.

    What a result is made of: the bytes of each input file, the parameters, the catalog with its settings filled in, every file
    of the installed package, SQL included, and the names and versions of all that is installed beside it. Checksums of these,
    and the state of each output, are noted when a run of the whole pipeline has published; any other run only removes the note.
    A run that is left out makes the result fresh again: its files were read now, and they are the same.

    Args:
        force: Run all the same.
        options: Those of Kedro's ``SequentialRunner``.
    """

    _logger = logging.getLogger("kedro.runner")  # Kedro would name it after this module, and show what it says

    def __init__(self, force: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._force = force

    def _run(
        self, pipeline: Pipeline, catalog: Any, hook_manager: PluginManager | None = None, run_id: str | None = None
    ) -> None:
        published = cast(PublishedOutputs, catalog["published"])
        is_whole = set(pipeline.nodes) == set(pipelines["__default__"].nodes)
        inputs = _inputs(pipeline, catalog) if is_whole else {}
        states = {name: file.state for name, file in inputs.items()}
        made_of = _made_of(inputs, catalog) if is_whole else {}
        if is_whole and not self._force:
            last = _read(published.last_run)
            changed = [name for name in made_of if made_of[name] != last.get("made_of", {}).get(name)]
            if last and not changed and last["outputs"] == _outputs(pipeline, catalog):
                published.renew()
                catalog[_SUMMARY].save(last["summary"])
                logger.info("Nothing has changed since the run of %s: left out. --force runs all the same.", last["finished"])
                return
            if last:
                logger.info("Changed since the run of %s: %s", last["finished"], ", ".join(changed) or "what was published")
        _forget(published.last_run)
        super()._run(pipeline, catalog, hook_manager, run_id)
        if is_whole and states == {
            name: file.state for name, file in inputs.items()
        }:  # so that what was read is what the checksum is of
            finished = f"{datetime.now(UTC):%F %T} UTC"
            outputs, summary = _outputs(pipeline, catalog), catalog[_SUMMARY].load()
            _write(published.last_run, {"finished": finished, "made_of": made_of, "outputs": outputs, "summary": summary})


def _inputs(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, CsvFile]:
    datasets = {name: catalog[name] for name in sorted(pipeline.inputs())}
    return {name: each.load() for name, each in datasets.items() if isinstance(each, CsvSource)}


def _made_of(inputs: dict[str, CsvFile], catalog: DataCatalog) -> dict[str, str]:
    """A checksum of each thing that a result is made of, by its name."""
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run
        checksums = dict(zip(inputs, pool.map(_input_checksum, inputs.values()), strict=True))
    settings, *_ = catalog.to_config()
    site_packages = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    return {
        **checksums,
        "parameters": _checksum(catalog["parameters"].load()),
        "catalog": _checksum(settings),
        "code": code_checksum(),
        "installed packages": _checksum(sorted(path.name for site in site_packages for path in site.glob("*.dist-info"))),
    }


def _outputs(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """The state of each output, by its name; one that was replaced, altered or removed has another."""
    names = pipeline.only_nodes_with_outputs("published").inputs()
    datasets = {name: catalog[name] for name in sorted(names)}
    return {
        name: each.state() for name, each in datasets.items() if isinstance(each, PublishedFile | PublishedPage | PublishedTable)
    }


def _checksum(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _input_checksum(file: CsvFile) -> str:
    """SHA-256 of a file; for one that cannot be read nothing that another run could find, so that the run says why."""
    try:
        return file.sha256
    except InputFileError:
        return f"could not be read at {datetime.now(UTC)}"


def _read(note: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _forget(note: Path) -> None:
    with suppress(OSError):  # where it cannot be removed the run cannot write either, and will say so
        note.unlink(missing_ok=True)


def _write(note: Path, content: dict[str, Any]) -> None:
    unfinished = note.with_name(f"{note.name}.new")
    try:
        unfinished.write_text(json.dumps(content, indent=2), encoding="utf-8")
        unfinished.replace(note)
    except OSError as error:
        logger.warning("%s cannot be written, so the next run will not be left out: %s", note, error.strerror)
