"""Runs the statements of one session: on Spark, or here where they are Databricks' own."""

import itertools
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import SparkSession, types
from pyspark.sql.functions import lit

from tests.warehouse.server import results
from tests.warehouse.server.grants import Grants
from tests.warehouse.server.results import Result
from tests.warehouse.server.spark_session import CATALOG, new_session
from tests.warehouse.server.sql_error import SqlError, from_exception
from tests.warehouse.server.statement_text import NAME, STRING, Token, name_parts, quoted, string_value, tokens, trimmed
from tests.warehouse.server.volumes import Volumes, modification_time

_VIEW_NUMBERS = itertools.count()
_FILE_FORMATS = {"parquet", "csv", "json", "text", "orc", "delta"}
_STRING_TYPE = types.StringType()
_KINDS = "CATALOG|SCHEMA|DATABASE|TABLE|VIEW|VOLUME|FUNCTION"
_VERSION = (
    "CREATE OR REPLACE TEMPORARY FUNCTION current_version() "
    "RETURNS STRUCT<dbr_version STRING, dbsql_version STRING, u_build_hash STRING, r_build_hash STRING> "
    "RETURN named_struct('dbr_version', '17.3', 'dbsql_version', '2026.30', 'u_build_hash', 'test', 'r_build_hash', 'test')"
)


class StatementRunner:
    """A session's way to run statements, one at a time.

    Args:
        spark: Any session of the Spark in use.
        volumes: The volumes of the warehouse.
        grants: The grants of the warehouse.
        catalog: The catalog to begin in; None for the only one.
        schema: The schema to begin in; None for `default`.
        settings: The session's settings, as the client sends them.

    Raises:
        SqlError: There is no such catalog or schema.
    """

    def __init__(
        self,
        spark: SparkSession,
        volumes: Volumes,
        grants: Grants,
        catalog: str | None = None,
        schema: str | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.spark = new_session(spark)
        self._volumes = volumes
        self._grants = grants
        self._lock = threading.Lock()
        if catalog is not None:
            _check_catalog(catalog)
        for key, value in (settings or {}).items():
            known = {"timezone": "spark.sql.session.timeZone", "ansi_mode": "spark.sql.ansi.enabled"}.get(key.lower())
            if known:
                self.spark.conf.set(known, value)
        if schema is not None:
            self._sql(f"USE {quoted(CATALOG, schema)}")

    def run(self, statement: str, parameters: Sequence[Any], group: str) -> Result:
        """Run a statement.

        Args:
            statement: Its text.
            parameters: The values of its markers, as Thrift brings them.
            group: A name for the Spark jobs it starts, by which they can be cancelled.

        Raises:
            SqlError: It failed.
        """
        with self._lock:
            try:
                self.spark.sparkContext.setJobGroup(group, statement[:100], interruptOnCancel=True)
                return self._run(trimmed(statement), parameters)
            except Exception as error:
                raise self._told(error) from error

    def schemas(self) -> list[str]:
        """The schemas of the catalog."""
        return [row[0] for row in self._sql(f"SHOW SCHEMAS IN {CATALOG}").collect()]

    def tables(self, schema: str) -> list[tuple[str, str]]:
        """The tables and views of a schema, with TABLE or VIEW."""
        views = {row[1] for row in self._sql(f"SHOW VIEWS IN {quoted(CATALOG, schema)}").collect() if not row[2]}
        names = {row[1] for row in self._sql(f"SHOW TABLES IN {quoted(CATALOG, schema)}").collect() if not row[2]}
        return [(name, "VIEW" if name in views else "TABLE") for name in sorted(names | views)]

    def columns(self, schema: str, table: str) -> list[types.StructField]:
        """The columns of a table or view."""
        return list(self.spark.table(quoted(CATALOG, schema, table)).schema.fields)

    def _run(self, text: str, parameters: Sequence[Any]) -> Result:
        for pattern, handler in _HANDLERS:
            if match := pattern.fullmatch(text):
                return handler(self, match)
        return self._on_spark(text, parameters)

    def _on_spark(self, text: str, parameters: Sequence[Any] = ()) -> Result:
        if "current_version" in text.lower():
            self._sql(_VERSION)
        views: list[str] = []
        rewritten, asks_catalog = self._rewritten(_with_values(list(tokens(text)), parameters), views)
        try:
            result = results.from_data_frame(self.spark.sql(rewritten))
        finally:
            for view in views:
                self.spark.catalog.dropTempView(view)
        if asks_catalog and CATALOG in result.table.column_names:
            names = ["current_catalog()" if name == CATALOG else name for name in result.table.column_names]
            fields = [types.StructField(n, f.dataType) for n, f in zip(names, result.schema.fields, strict=True)]
            result = result._replace(table=result.table.rename_columns(names), schema=types.StructType(fields))
        if re.match(r"(DESC|DESCRIBE|SHOW|EXPLAIN)\b", text, re.IGNORECASE):
            result = results.with_text_replaced(result, "spark_catalog", CATALOG)
        if re.match(r"(INSERT|UPDATE|DELETE|MERGE)\b", text, re.IGNORECASE) and result.table.num_rows == 1:
            result = result._replace(modified_rows=result.table.column(0)[0].as_py())
        return result

    def _rewritten(self, found: list[Token], views: list[str]) -> tuple[str, bool]:
        """The text with read_files, paths of volumes and current_catalog() put in Spark's terms."""
        out: list[str] = []
        asks_catalog = False
        index = 0
        while index < len(found):
            token = found[index]
            word = token.text.lower() if token.kind == "word" else ""
            if word == "read_files" and (end := _end_of_call(found, index + 1)):
                views.append(f"read_files_{next(_VIEW_NUMBERS)}")
                self._read_files(found[index + 1 : end], views[-1])
                out.append(views[-1])
                index = end
                continue
            if word == "current_catalog" and not (out and out[-1] == "."):
                asks_catalog = True
                out.append(f"'{CATALOG}'")
                index = _end_of_call(found, index + 1) or index + 1
                continue
            is_path = token.kind == "quoted" and re.match(r"`(dbfs:)?/Volumes/", token.text)
            out.append(f"`{self._volumes.local_path(token.text[1:-1])}`" if is_path else token.text)
            index += 1
        return "".join(out), asks_catalog

    def _read_files(self, call: list[Token], view: str) -> None:
        """Register the files that a call of read_files names as a view."""
        arguments = _arguments(call)
        path = arguments.pop("", None)
        if path is None:
            raise SqlError("[INVALID_PARAMETER_VALUE] read_files needs a path first.", "22023")
        kind = arguments.pop("format", "parquet").lower()
        if kind not in _FILE_FORMATS:
            raise SqlError(f"[CF_UNKNOWN_FORMAT] read_files does not know the format {kind}.", "42000")
        local = self._volumes.local_path(path)
        schema = arguments.pop("schema", None)
        if kind == "csv":
            arguments.setdefault("header", "true")
            if schema is None:
                arguments.setdefault("inferSchema", "true")
        elif kind == "parquet":
            arguments.setdefault("mergeSchema", "true")
        if not (local.exists() or any(local.parent.parent.glob(f"{local.parent.name}/{local.name}"))):
            shown = f"dbfs:{path.removeprefix('dbfs:')}"
            raise SqlError(
                f"[CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE] Cannot infer schema when the input path `{shown}` is empty.", "42000"
            )
        reader = self.spark.read.format(kind).options(**arguments)
        frame = (reader.schema(schema) if schema else reader).load(str(local))
        if "_rescued_data" not in frame.columns:
            frame = frame.withColumn("_rescued_data", lit(None).cast("string"))
        frame.createOrReplaceTempView(view)

    def _sql(self, text: str) -> Any:
        try:
            return self.spark.sql(text)
        except Exception as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> SqlError:
        """The error in the names the client knows."""
        told = from_exception(error)
        if match := re.match(r"\[REQUIRES_SINGLE_PART_NAMESPACE\].*got `([^`]+)`\.", told.message):
            return _no_such_catalog(match[1])
        message, root = told.message, str(self._volumes.root)
        for local in (f"file://{root}", f"file:{root}", root):
            message = message.replace(local, "dbfs:/Volumes")
        return SqlError(message.replace("spark_catalog", CATALOG), told.sqlstate)

    def _full_name(self, name: str, length: int = 3) -> list[str]:
        """The name's parts, completed with the current schema and the catalog.

        Raises:
            SqlError: It has too many parts, or another catalog's name.
        """
        parts = name_parts(name)
        before = [CATALOG, self.spark.catalog.currentDatabase()][: length - 1]
        if len(parts) > length:
            raise SqlError(f"[INVALID_NAME] {name} has more than {length} parts.", "42000")
        parts = [*before[: length - len(parts)], *parts]
        _check_catalog(parts[0])
        return [CATALOG, *parts[1:]]

    # Each of these runs the statements of one pattern below.

    def _create_volume(self, match: re.Match[str]) -> Result:
        catalog, schema, volume = self._full_name(match["name"])
        self._check_schema(schema)
        self._volumes.create(catalog, schema, volume, if_not_exists=bool(match["lenient"]))
        return results.empty()

    def _drop_volume(self, match: re.Match[str]) -> Result:
        catalog, schema, volume = self._full_name(match["name"])
        self._volumes.drop(catalog, schema, volume, if_exists=bool(match["lenient"]))
        self._grants.forget(f"{catalog}.{schema}.{volume}")
        return results.empty()

    def _show_volumes(self, match: re.Match[str]) -> Result:
        catalog, schema = self._full_name(match["name"], 2) if match["name"] else self._full_name("x")[:2]
        self._check_schema(schema)
        rows: list[tuple[object, ...]] = [(schema, volume) for volume in self._volumes.names(catalog, schema)]
        return results.from_rows({"database": _STRING_TYPE, "volume_name": _STRING_TYPE}, rows)

    def _stage(self, match: re.Match[str]) -> Result:
        operation = match["operation"].upper()
        groups = match.groupdict()
        link = self._volumes.signed_link(operation, string_value(match["remote"]), bool(groups.get("overwrite")))
        local = string_value(groups["local"]) if groups.get("local") else None
        columns: dict[str, types.DataType] = dict.fromkeys(["operation", "presignedUrl", "headers", "localFile"], _STRING_TYPE)
        return results.from_rows(columns, [(operation, link, "{}", local)], is_staging=True)

    def _list(self, match: re.Match[str]) -> Result:
        long = types.LongType()
        columns = {"path": _STRING_TYPE, "name": _STRING_TYPE, "size": long, "modification_time": types.TimestampType()}
        entries = list(self._volumes.list(string_value(match["path"])))
        shown = entries[: int(match["limit"])] if match["limit"] else entries
        return results.from_rows(columns, [(e.path, e.name, e.size, modification_time(e)) for e in shown])

    def _securable(self, match: re.Match[str]) -> tuple[str, str]:
        kind = {"DATABASE": "SCHEMA", "VIEW": "TABLE"}.get(kind := (match["kind"] or "TABLE").upper(), kind)
        parts = self._full_name(match["name"], {"CATALOG": 1, "SCHEMA": 2}.get(kind, 3))
        if kind == "SCHEMA":
            self._check_schema(parts[1])
        elif kind == "VOLUME" and not self._volumes.exists(*parts):
            raise SqlError(f"[VOLUME_NOT_FOUND] The volume {quoted(*parts)} cannot be found.", "42704")
        elif kind == "TABLE" and not self.spark.catalog.tableExists(quoted(*parts)):
            raise SqlError(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {quoted(*parts)} cannot be found.", "42P01")
        return kind, ".".join(parts)

    def _grant(self, match: re.Match[str]) -> Result:
        kind, name = self._securable(match)
        privileges = [" ".join(privilege.split()).upper() for privilege in match["privileges"].split(",")]
        privileges = ["ALL PRIVILEGES" if privilege == "ALL" else privilege for privilege in privileges]
        change = self._grants.add if match["verb"].upper() == "GRANT" else self._grants.remove
        change(kind, name, privileges, _principal(match["principal"]))
        return results.empty()

    def _show_grants(self, match: re.Match[str]) -> Result:
        found = self._grants.show(*self._securable(match))
        if match["principal"]:
            found = [grant for grant in found if grant.principal == _principal(match["principal"])]
        return results.from_rows(dict.fromkeys(["Principal", "ActionType", "ObjectType", "ObjectKey"], _STRING_TYPE), [*found])

    def _comment_on_column(self, match: re.Match[str]) -> Result:
        *table, column = name_parts(match["name"])
        comment = "''" if match["comment"].upper() == "NULL" else match["comment"]
        return self._on_spark(f"ALTER TABLE {quoted(*table)} ALTER COLUMN {quoted(column)} COMMENT {comment}")

    def _use_catalog(self, match: re.Match[str]) -> Result:
        _check_catalog(name_parts(match["name"])[0])
        return self._on_spark(f"USE {CATALOG}.default")

    def _show_catalogs(self, match: re.Match[str]) -> Result:
        return results.from_rows({"catalog": _STRING_TYPE}, [(CATALOG,)])

    def _drop_schema(self, match: re.Match[str]) -> Result:
        catalog, schema = self._full_name(match["name"], 2)
        if self._volumes.names(catalog, schema) and (match["how"] or "").upper() != "CASCADE":
            raise SqlError(f"[SCHEMA_NOT_EMPTY] Cannot drop a schema `{schema}` because it contains objects.", "2BP01")
        result = self._on_spark(match[0])
        self._volumes.drop_schema(catalog, schema)
        self._grants.forget(f"{catalog}.{schema}")
        return result

    def _drop_table(self, match: re.Match[str]) -> Result:
        result = self._on_spark(match[0])
        self._grants.forget(".".join(self._full_name(match["name"])))
        return result

    def _rename(self, match: re.Match[str]) -> Result:
        old, new = self._full_name(match["old"]), name_parts(match["new"])
        new = self._full_name(match["new"]) if len(new) > 1 else [*old[:2], *new]
        # The catalog's name, which Spark does not take here, is the same on both sides.
        result = self._on_spark(f"ALTER {match['kind']} {quoted(*old)} RENAME TO {quoted(*new[1:])}")
        self._grants.rename(".".join(old), ".".join(new))
        return result

    def _check_schema(self, schema: str) -> None:
        if not self.spark.catalog.databaseExists(quoted(CATALOG, schema)):
            raise SqlError(f"[SCHEMA_NOT_FOUND] The schema {quoted(CATALOG, schema)} cannot be found.", "42704")


def _check_catalog(catalog: str) -> None:
    if catalog.lower() not in (CATALOG, "spark_catalog"):
        raise _no_such_catalog(catalog)


def _no_such_catalog(catalog: str) -> SqlError:
    text = f"Catalog '{catalog}' was not found. Please verify the catalog name and then retry the query or command again."
    return SqlError(f"[NO_SUCH_CATALOG_EXCEPTION] {text}", "42704")


def _principal(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _end_of_call(found: list[Token], index: int) -> int | None:
    """The index after the closing parenthesis of the call whose arguments begin at or after `index`; None if none do."""
    while index < len(found) and found[index].kind == "space":
        index += 1
    if index == len(found) or found[index].text != "(":
        return None
    depth = 0
    for position in range(index, len(found)):
        depth += {"(": 1, ")": -1}.get(found[position].text, 0)
        if depth == 0:
            return position + 1
    return None


def _arguments(call: list[Token]) -> dict[str, str]:
    """The arguments of a call by their names, the first one by the empty name.

    Raises:
        SqlError: One is more than a literal or a parameter.
    """
    said = [token for token in call if token.kind != "space"][1:-1]
    arguments: dict[str, str] = {}
    for is_comma, group in itertools.groupby(said, key=lambda token: token.text == ","):
        if is_comma:
            continue
        argument = list(group)
        name = ""
        if len(argument) > 2 and argument[1].text == "=>":
            name, argument = argument[0].text, argument[2:]
        if len(argument) == 1:
            only = argument[0]
            arguments[name] = string_value(only.text) if only.kind == "string" else only.text
        else:
            text = "".join(token.text for token in argument)
            raise SqlError(f"[INVALID_PARAMETER_VALUE] read_files takes literals, not {text}.", "22023")
    # Databricks spells some options otherwise than Spark.
    return {{"fileNamePattern": "pathGlobFilter"}.get(name, name): value for name, value in arguments.items()}


def _with_values(found: list[Token], parameters: Sequence[Any]) -> list[Token]:
    """The tokens with literals for their parameter markers; Delta's parser does not pass parameters on to Spark's."""
    if not parameters:
        return found
    named = {parameter.name: _literal(parameter) for parameter in parameters if parameter.name}
    in_order = [_literal(parameter) for parameter in parameters if not parameter.name]
    out: list[Token] = []
    index = 0
    while index < len(found):
        token = found[index]
        following = found[index + 1].text.strip("`") if index + 1 < len(found) else ""
        # After a word or another colon it is a path into a variant, or a cast.
        is_marker = token.text == ":" and not (out and (out[-1].kind in ("word", "quoted") or out[-1].text in (":", "]")))
        if is_marker and following in named:
            out.append(named[following])
            index += 1
        elif token.text == "?" and in_order:
            out.append(in_order.pop(0))
        else:
            out.append(token)
        index += 1
    return out


def _literal(parameter: Any) -> Token:
    text = parameter.value.stringValue if parameter.value is not None else None
    kind = (parameter.type or "STRING").upper()
    if text is None or kind == "VOID":
        return Token("word", "NULL")
    said = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return Token("string", said if kind == "STRING" else f"CAST({said} AS {kind})")


def _pattern(text: str) -> re.Pattern[str]:
    # A blank in these patterns stands for any blanks.
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_PRINCIPAL = r"(?P<principal>`(?:[^`]|``)+`|[\w.@-]+)"
_HANDLERS: list[tuple[re.Pattern[str], Callable[[StatementRunner, re.Match[str]], Result]]] = [
    (
        _pattern(rf"CREATE VOLUME (?P<lenient>IF NOT EXISTS )?(?P<name>{NAME})(?: COMMENT {STRING})?"),
        StatementRunner._create_volume,
    ),
    (_pattern(rf"DROP VOLUME (?P<lenient>IF EXISTS )?(?P<name>{NAME})"), StatementRunner._drop_volume),
    (_pattern(rf"SHOW VOLUMES(?: (?:IN|FROM) (?P<name>{NAME}))?"), StatementRunner._show_volumes),
    (
        _pattern(rf"(?P<operation>PUT) (?P<local>{STRING}) INTO (?P<remote>{STRING})(?P<overwrite> OVERWRITE)?"),
        StatementRunner._stage,
    ),
    (_pattern(rf"(?P<operation>GET) (?P<remote>{STRING}) TO (?P<local>{STRING})"), StatementRunner._stage),
    (_pattern(rf"(?P<operation>REMOVE) (?P<remote>{STRING})"), StatementRunner._stage),
    (_pattern(rf"LIST (?P<path>{STRING})(?: LIMIT (?P<limit>\d+))?"), StatementRunner._list),
    (
        _pattern(
            rf"(?P<verb>GRANT|REVOKE) (?P<privileges>\w[\w\s,]*?) ON (?:(?P<kind>{_KINDS}) )?(?P<name>{NAME}) "
            rf"(?:TO|FROM) {_PRINCIPAL}"
        ),
        StatementRunner._grant,
    ),
    (
        _pattern(rf"SHOW GRANTS?(?: (?!ON\b){_PRINCIPAL})? ON (?:(?P<kind>{_KINDS}) )?(?P<name>{NAME})"),
        StatementRunner._show_grants,
    ),
    (_pattern(rf"COMMENT ON COLUMN (?P<name>{NAME}) IS (?P<comment>{STRING}|NULL)"), StatementRunner._comment_on_column),
    (_pattern(rf"(?:USE|SET) CATALOG (?P<name>{NAME})"), StatementRunner._use_catalog),
    (_pattern(r"SHOW CATALOGS"), StatementRunner._show_catalogs),
    (
        _pattern(rf"DROP (?:SCHEMA|DATABASE) (?:IF EXISTS )?(?P<name>{NAME})(?: (?P<how>CASCADE|RESTRICT))?"),
        StatementRunner._drop_schema,
    ),
    (_pattern(rf"DROP (?:TABLE|VIEW) (?:IF EXISTS )?(?P<name>{NAME})"), StatementRunner._drop_table),
    (_pattern(rf"ALTER (?P<kind>TABLE|VIEW) (?P<old>{NAME}) RENAME TO (?P<new>{NAME})"), StatementRunner._rename),
]
