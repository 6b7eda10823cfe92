"""The parts of the reference that are made from the code and the configuration, as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import click
import pydantic
import yaml
from annotated_types import Ge, Gt, Le, Lt
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from lending_club.cli import cli
from lending_club.parameters import Interest, Quality, RateTier, Run, read_parameters
from lending_club.pipeline_registry import register_pipelines

_PROJECT = Path(__file__).parent.parent
_CONF = _PROJECT / "conf"
_PIPELINES = _PROJECT / "src" / "lending_club" / "pipelines"
_ENTRY = re.compile(r'^"?([\w{}.@#-]+)"?:', re.MULTILINE)
_LAYER = re.compile(r"^# (\d\d_\w+): (.*)$", re.MULTILINE)


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)]) + "\n"


def _code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def _fence(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```\n"


# Configuration as it stands in git: without the settings of the machine that makes the pages. It is read whole, because what a
# loader reads after another one was made gets the other's globals.
@cache
def _configuration(env: str) -> dict[str, Any]:
    loader = OmegaConfigLoader(
        str(_CONF),
        env=env,
        base_env="base",
        default_run_env="base",
        custom_resolvers={"env": lambda _name, default: default},
    )
    return {kind: loader[kind] for kind in ("catalog", "globals", "parameters")}


@cache
def _pipelines() -> dict[str, Pipeline]:
    return register_pipelines()


def changelog() -> str:
    """CHANGELOG.md without its title."""
    return (_PROJECT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2]


def parameters() -> str:
    """Every parameter with its type, range and value, and the file that sets them."""
    values = _configuration("base")["parameters"]
    read_parameters(values)
    text = []
    models: dict[str, type[pydantic.BaseModel]] = {"interest": Interest, "quality": Quality, "run": Run}
    for section, model in models.items():
        text += [f"## {section}\n", _summary(model) + "\n"]
        rows = _fields(model, section, values[section])
        if model is Interest:
            rows += _fields(RateTier, "interest.tiers[]", {})
        text.append(_table(["parameter", "what", "value, and what it may be"], rows))
    file = (_CONF / "base" / "parameters.yml").read_text(encoding="utf-8")
    return "\n".join([*text, "## The file\n", "`conf/base/parameters.yml`:\n", _fence("yaml", file)])


def _fields(model: type[pydantic.BaseModel], prefix: str, values: dict[str, Any]) -> list[list[str]]:
    meanings = _attributes(model)
    return [
        [
            _code(f"{prefix}.{name}"),
            meanings.get(name, ""),
            ": ".join(filter(None, [_code(_yaml(values.get(name, ""))), _range(field)])),
        ]
        for name, field in model.model_fields.items()
    ]


def _yaml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list() if not all(isinstance(each, str) for each in value):
            return ""
        case list():
            return f"[{', '.join(value)}]"
    return str(value)


def _attributes(model: type[pydantic.BaseModel]) -> dict[str, str]:
    """What each attribute means, from the section "Attributes" of the docstring."""
    section = (inspect.getdoc(model) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {name: re.sub(r"``(.+?)``", r"`\1`", re.sub(r"\s+", " ", meaning)) for name, meaning in entries}


def _range(field: pydantic.fields.FieldInfo) -> str:
    """What the type and its limits allow, in words."""
    if field.annotation is bool:
        return "`true` or `false`"
    words = _choices(field.annotation)
    metadata = [*field.metadata, *_inner_metadata(field.annotation)]
    for limit in metadata:
        match limit:
            case Ge():
                words.append(f"from {limit.ge}")
            case Gt():
                words.append(f"above {limit.gt}")
            case Le():
                words.append(f"up to {limit.le:,}")
            case Lt():
                words.append(f"below {limit.lt:,}")
    places = [limit.decimal_places for limit in metadata if getattr(limit, "decimal_places", None) is not None]
    words += [f"at most {places[0]} decimals"] if places else []
    words += [] if field.is_required() else ["or nothing"]
    return ", ".join(words) or "a list of what follows"


def _choices(annotation: Any) -> list[str]:
    literals = [each for part in get_args(annotation) for each in get_args(part) if isinstance(each, str)]
    return [f"a list of {' and '.join(map(_code, literals))}"] if literals else []


def _inner_metadata(annotation: Any) -> list[Any]:
    """The limits that stand inside of ``X | None``."""
    found: list[Any] = []
    for part in get_args(annotation):
        for limit in getattr(part, "__metadata__", ()):
            found += limit.metadata if isinstance(limit, pydantic.fields.FieldInfo) else [limit]
    return found


def expectations() -> str:
    """Every expectation by table: what it says, how severe it is, and its query as it stands in the file."""
    read = read_parameters(_configuration("base")["parameters"]).expectations
    file = (_CONF / "base" / "parameters_expectations.yml").read_text(encoding="utf-8")
    tree = yaml.compose(file)
    assert tree is not None  # noqa: S101 - read above
    ((_, suites),) = tree.value
    count = sum(map(len, read.values()))
    text = [f"{count} expectations, by table. One of severity *warn* is only reported; every other stops the run.\n"]
    for table, suite in suites.value:
        text.append(f"## {table.value}\n")
        for name, entry in suite.value:
            each = read[table.value][name.value]
            severity = "" if each.severity == "error" else f" (*{each.severity}*)"
            text.append(f"**`{name.value}`**{severity}: {each.says}\n")
            text.append(f"<details><summary>How</summary>\n\n{_how(entry, file)}\n</details>\n")
    return "\n".join(text)


def _how(entry: yaml.MappingNode, file: str) -> str:
    """The query of an expectation, or what else it has, with the line breaks of the file."""
    values = {key.value: (key, value) for key, value in entry.value}
    if "query" not in values:
        lines = file[values["type"][0].start_mark.index - values["type"][0].start_mark.column : entry.end_mark.index]
        return _fence("yaml", textwrap.dedent(lines))
    query = values["query"][1]
    return _fence("sql", textwrap.dedent(file[query.start_mark.index : query.end_mark.index].removeprefix(">").lstrip("\n")))


def catalog() -> str:
    """Every dataset by Kedro's layers: what it is and where it is."""
    file = (_CONF / "base" / "catalog.yml").read_text(encoding="utf-8")
    _, *parts = _LAYER.split(file)
    layers = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
    layer_of = {entry: layer for layer, _, body in layers for entry in _ENTRY.findall(body)}
    resolver = DataCatalog.from_config(_configuration("base")["catalog"]).config_resolver
    pipeline = _pipelines()["__default__"]
    makers = {output: node for node in pipeline.nodes for output in node.outputs}
    rows: dict[str, list[list[str]]] = {}
    for name in sorted(pipeline.datasets() - {"parameters"}):
        entry = name if name in layer_of else resolver.match_dataset_pattern(name)
        if name.startswith("params:") or entry is None:  # without an entry it is passed on in memory
            continue
        settings = resolver.resolve_pattern(name)
        rows.setdefault(layer_of[entry], []).append([_code(name), _what(settings, makers.get(name)), _code(_place(settings))])
    text = []
    for layer, meaning, _ in (each for each in layers if each[0] in rows):
        text += [f"## {layer}\n", f"{meaning[0].upper()}{meaning[1:].rstrip('.')}.\n"]
        text.append(_table(["dataset", "what", "where"], rows[layer]))
    return "\n".join([*text, "## The file\n", "`conf/base/catalog.yml`:\n", _fence("yaml", file)])


def schemas() -> str:
    """Where the schemas of tables are in each environment."""
    found = {env: _configuration(env)["globals"]["schemas"] for env in ("base", "prod")}
    rows = [[_code(found["base"].get(name, "marts")), name, _code(place)] for name, place in found["prod"].items()]
    return _table(["DuckDB", "tables that are", "Databricks"], rows)


def _place(settings: dict[str, Any]) -> str:
    place = settings.get("table") or settings.get("filepath") or settings.get("path") or "memory"
    return str(place)


def _what(settings: dict[str, Any], node: Node | None) -> str:
    """What a dataset is: as the catalog says, or the model or step that makes it, or its class."""
    if settings.get("comment"):
        return str(settings["comment"])
    if node is None:
        return f"Columns {', '.join(map(_code, settings['columns']))}." if "columns" in settings else ""
    if "file_format" in settings:
        return f"`{node.inputs[0]}` as {settings['file_format'].replace('duckdb', 'table')}."
    models = [path for path in _models() if path.stem == node.name]
    return _first_comment(models[0]).partition(". ")[0].rstrip(".") + "." if models else _summary(node.func)


def _summary(function: object) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", (inspect.getdoc(function) or "").partition("\n")[0])


def _models() -> list[Path]:
    return sorted(path for path in _PIPELINES.glob("*/sql/*.sql") if path.stem != "_macros")


def _first_comment(model: Path) -> str:
    lines = takewhile(lambda line: line.startswith("--"), model.read_text(encoding="utf-8").splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def models() -> str:
    """Every SQL model with what it reads, by pipeline, and the macros."""
    nodes = {node.name: node for node in _pipelines()["__default__"].nodes}
    text = []
    for name, pipeline in _pipelines().items():
        files = {path.stem: path for path in _models() if path.parent.parent.name == name}
        if not files:
            continue
        text.append(f"## {name}\n")
        for step in (node.name for node in pipeline.nodes if node.name in files):
            reads = ", ".join(map(_code, nodes[step].inputs))
            text += [f"### {step}\n", f"Reads {reads}.\n", _fence("sql", files[step].read_text(encoding="utf-8"))]
        macros = _PIPELINES / name / "sql" / "_macros.sql"
        if macros.exists():
            text += [f"### Macros of {name}\n", _fence("sql", macros.read_text(encoding="utf-8"))]
    return "\n".join(text)


def commands() -> str:
    """The project's kedro commands with their options, as ``--help`` tells of them."""
    text = []
    for name, command in sorted(cli.commands.items()):
        text += [f"## kedro {name}\n", (inspect.cleandoc(command.help or "")) + "\n"]
        options = [option.get_help_record(click.Context(command)) for option in command.params]
        text.append(_table(["option", "what"], [[_code(option), _plain(what)] for option, what in filter(None, options)]))
    return "\n".join(text)


def _plain(text: str) -> str:
    return re.sub(r"([_*])", r"\\\1", text)


def make_targets() -> str:
    """The targets of the Makefile that ``make help`` lists."""
    makefile = (_PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", makefile, re.MULTILINE)
    return _table(["command", "what"], [[_code(f"make {name}"), what] for name, what in targets])


def python() -> str:
    """The modules that a notebook or a program of one's own would use."""
    modules = [
        "errors",
        "datasets",
        "warehouse.base",
        "warehouse.frames",
        "warehouse.connections",
        "publication",
        "quality.report",
    ]
    directives = [
        f"## lending_club.{name}\n\n```{{eval-rst}}\n.. automodule:: lending_club.{name}\n{_options(name)}```\n"
        for name in modules
    ]
    return "\n".join(directives)


def _options(module: str) -> str:
    return "   :imported-members:\n" if module == "datasets" else ""
