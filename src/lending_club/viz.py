"""Kedro-Viz, looking at this project: ``kedro viz run`` and ``kedro viz build``.

As it comes, Kedro-Viz asks other hosts for a font and for its own latest version, looks for the last run in the project whatever
data was worked on, and builds a site that only a web server can show. What is replaced of it here, by assigning to names of its
modules, belongs to the one version that pyproject.toml asks for. Only these commands import this module.
"""

from __future__ import annotations

import copy
import inspect
import json
import os
import re
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import click
import fsspec
from kedro.framework.cli.utils import _split_params as split_params
from kedro.framework.project import PACKAGE_NAME
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.pipeline.preview_contract import TextPreview
from kedro_viz import server
from kedro_viz.api import apps
from kedro_viz.api.rest.responses import metadata, run_events, save_responses, version
from kedro_viz.integrations import pypi
from kedro_viz.integrations.kedro import data_loader
from kedro_viz.launchers import utils
from kedro_viz.launchers.cli import run as viz_run
from kedro_viz.models.metadata import NodeExtras
from packaging.version import Version, parse
from pydantic_core import to_jsonable_python
from sqlglot import exp

from lending_club.datasets import PublishedOutputs
from lending_club.errors import told_error
from lending_club.run_status import EVENTS_FILE, STATISTICS_FILE, STATUS_DIRECTORY
from lending_club.warehouse import Table
from lending_club.warehouse.models import Model

_load_data = data_loader.load_data
_run_server = server.run_server
_check_viz_up = utils._check_viz_up
_OTHER_HOSTS = re.compile(r"\s*<link\s[^>]*https://fonts\.[^>]*>")


def _run(**options: Any) -> None:
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for the server: Kedro-Viz's own code is warned of what will be gone
    pypi.get_latest_version = _installed_version
    utils._check_viz_up = _is_up
    server.run_server = serve
    cast(Any, viz_run.run.callback)(**options)


def _is_up(host: str, port: int) -> bool:
    """Whether the server answers; where it has ended, nobody need wait for it."""
    if not viz_run._VIZ_PROCESSES[port].is_alive():
        raise SystemExit(1)
    return bool(_check_viz_up(host, port))


run = copy.copy(viz_run.run)
run.callback = _run


def serve(**options: Any) -> None:
    """Serve the pages until interrupted: the process that ``kedro viz run`` starts.

    Args:
        options: Those of Kedro-Viz's ``run_server``.
    """
    keep_to_this_machine()
    data_loader.load_data = _load_described_data
    try:
        with _errors_in_one_message():
            _run_server(**options)
    except click.ClickException as error:
        error.show()
        raise SystemExit(1) from error


@click.command()
@click.option("--env", "-e", envvar="KEDRO_ENV", help="Kedro configuration environment.")
@click.option("--pipeline", "-p", help="Name of the pipeline to show, all of them by default.")
@click.option("--params", callback=split_params, default="", help="Parameters, as for kedro run.")
@click.option("--include-hooks", is_flag=True, help="Run the project's hooks while loading it.")
@click.option("--include-previews/--no-previews", default=True, help="Whether to put the first rows of tables into the page.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default="build/viz", help="Directory of the page.")
def build(
    env: str | None, pipeline: str | None, params: dict[str, Any], include_hooks: bool, include_previews: bool, output: Path
) -> None:
    """Make one page of the lineage, build/viz/index.html, that opens from disk and needs nothing beside it."""
    data_loader.load_data = _load_described_data
    page = output / "index.html"
    with _errors_in_one_message():
        server.load_and_populate_data(Path.cwd(), env, include_hooks, PACKAGE_NAME, pipeline, params)
        output.mkdir(parents=True, exist_ok=True)
        page.write_text(_page(_without_machine_paths(_responses(include_previews))), encoding="utf-8")
    click.echo(f"Open {page.absolute().as_uri()}")


@contextmanager
def _errors_in_one_message() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        told = told_error(error)
        raise click.ClickException(str(told) if told else f"{type(error).__name__}: {error}") from error


def keep_to_this_machine() -> None:
    """Have the pages that are served ask no other host for anything."""
    apps.HTMLResponse = _LocalPage
    version.get_latest_version = _installed_version


class _LocalPage(apps.HTMLResponse):
    def __init__(self, content: str) -> None:
        super().__init__(_without_other_hosts(content))


def _without_other_hosts(html: str) -> str:
    return _OTHER_HOSTS.sub("", html)


def _installed_version() -> Version:
    return parse(version.__version__)


def _load_described_data(*arguments: Any, **options: Any) -> tuple[DataCatalog, dict[str, Pipeline], dict[str, Any]]:
    """The project as Kedro-Viz loads it, with what each step does and what the last run did."""
    catalog, pipelines, extras = _load_data(*arguments, **options)
    given = {name: catalog[name].load() for name in catalog if name.startswith("params:")}
    for node in {node for pipeline in pipelines.values() for node in pipeline.nodes}:
        node._preview_fn = partial(_description, node, catalog, given)
    for name, value in given.items():  # Kedro-Viz would make binary numbers of decimals
        catalog[name] = to_jsonable_python(value)
    status = _status_directory(catalog)
    run_events.PIPELINE_EVENT_FULL_PATH = status / EVENTS_FILE
    return catalog, pipelines, {**extras, **_statistics(status / STATISTICS_FILE)}


def _status_directory(catalog: DataCatalog) -> Path:
    return cast(PublishedOutputs, catalog["published"]).last_run.parent.absolute() / STATUS_DIRECTORY


def _statistics(path: Path) -> dict[str, NodeExtras | None]:
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: NodeExtras.create_node_extras(stats=statistics) for name, statistics in found.items()}


def _description(node: Node, catalog: DataCatalog, parameters: Mapping[str, Any]) -> TextPreview:
    """What a step does: the SQL of a model, what is said of a function."""
    return TextPreview(
        _sql(node, catalog, parameters) if isinstance(node.func, Model) else inspect.getdoc(node.func) or node.name
    )


def _sql(node: Node, catalog: DataCatalog, parameters: Mapping[str, Any]) -> str:
    """A model as it stands in its file or, for an engine that speaks another SQL, as that engine is sent it."""
    model = cast(Model, node.func)
    file = model.path.relative_to(Path.cwd()) if model.path.is_relative_to(Path.cwd()) else model.path.name
    query = model(*(parameters[name] if name in parameters else catalog[name].load() for name in node.inputs))
    table = cast(Table, catalog[node.outputs[0]].load())
    if isinstance(query, exp.Expr) and table.warehouse.sql(query) != query.sql("duckdb"):
        return f"-- Made of {file}\n\n{table.warehouse.sql(query)}"
    return f"-- {file}\n\n{model.text}"


def _responses(include_previews: bool) -> dict[str, Any]:
    """All that the page may ask for below ``api/``, by its name there."""
    with tempfile.TemporaryDirectory() as directory:
        save_responses.save_api_responses_to_fs(directory, fsspec.filesystem("file"), include_previews)
        files = [path for path in (Path(directory) / "api").rglob("*") if path.is_file()]
        responses = {str(path.relative_to(Path(directory) / "api")): json.loads(path.read_bytes()) for path in files}
    made = {"timestamp": f"{datetime.now(UTC):%d.%m.%Y %H:%M:%S}", "version": version.__version__}
    return {**responses, "metadata": metadata.get_metadata_response().model_dump(), "deploy-viz-metadata": made}


def _without_machine_paths(value: Any) -> Any:
    """The same with paths that count from the project, and those of data elsewhere from its directory."""
    match value:
        case str():
            for path, name in _machine_paths().items():
                value = re.sub(rf"{re.escape(path)}(?![\w.-])/?", name, value)
            above = f"{Path.cwd().name}/"  # Kedro-Viz counts the files of functions from above the project
            return value.removeprefix(above) if value.startswith(f"{above}src/") else value
        case dict():
            return {name: _without_machine_paths(each) for name, each in value.items()}
        case list():
            return [_without_machine_paths(each) for each in value]
        case _:
            return value


def _machine_paths() -> Mapping[str, str]:
    from kedro_viz.data_access import data_access_manager

    data = _status_directory(data_access_manager.catalog.get_catalog()).parent.parent
    return {str(data): "data/", str(Path.cwd()): "", str(Path.home()): "~/"}


def _page(responses: dict[str, Any]) -> str:
    """Kedro-Viz's page with its script, its style and all that it would ask a server for in it."""
    html = _without_other_hosts(_file("index.html").decode())
    script = re.search(r'<script type="module"[^>]* src="\./(?P<file>[^"]+)"></script>', html)
    style = re.search(r'<link rel="stylesheet"[^>]* href="\./(?P<file>[^"]+)">', html)
    icon = b64encode(_file("favicon.ico")).decode()
    if script is None or style is None:
        raise LookupError("Kedro-Viz's page is not made as viz.py expects it")
    # In a script, "<!--" would hide the script's end from the browser.
    code = _file(script["file"]).decode().replace("<!--", r"<\!--")
    data = json.dumps(responses).replace("<", r"\u003c")
    html = html.replace(script[0], f'<script>{_SERVER % data}</script>\n<script type="module">{code}</script>')
    html = html.replace(style[0], f"<style>{_file(style['file']).decode()}</style>")
    return html.replace("./favicon.ico", f"data:image/x-icon;base64,{icon}")


def _file(name: str) -> bytes:
    return cast(Path, apps._HTML_DIR / name).read_bytes()


# Answers what the page asks its server for. A page from disk may not change its address; it need not, to show another view.
_SERVER = """
const responses = %s;
window.fetch = async (address) => {
  const name = String(address).split("api/").pop();
  return name in responses ? Response.json(responses[name]) : new Response("", {status: 404});
};
for (const name of ["pushState", "replaceState"]) {
  const change = history[name].bind(history);
  history[name] = (state, title, address) => {
    try { change(state, title, address); } catch { change(state, title); }
  };
}
"""
