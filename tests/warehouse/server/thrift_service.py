"""The methods of TCLIService that Databricks' clients call."""

import re
import secrets
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes
from pyspark.sql import SparkSession, types

from tests.warehouse.server import results
from tests.warehouse.server.faults import Faults
from tests.warehouse.server.grants import Grants
from tests.warehouse.server.journal import Journal, StatementRecord
from tests.warehouse.server.results import Result
from tests.warehouse.server.spark_session import CATALOG
from tests.warehouse.server.sql_error import SqlError
from tests.warehouse.server.statements import StatementRunner
from tests.warehouse.server.volumes import Volumes

FETCH_PREFIX = "/_cloudfetch"
_PROTOCOL = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
_STATES = ttypes.TOperationState
_DIRECT_SECONDS = 5.0
_POLL_SECONDS = 5.0
_LINK_SECONDS = 900
_LINKS_PER_ANSWER = 16
_CANCELED = SqlError("[OPERATION_CANCELED] Operation has been canceled.", "HY008")

_JDBC_TYPES = {
    "boolean": 16, "tinyint": -6, "smallint": 5, "int": 4, "bigint": -5, "float": 6, "double": 8, "decimal": 3,
    "string": 12, "varchar": 12, "char": 1, "date": 91, "timestamp": 93, "timestamp_ntz": 93, "binary": -2,
}  # fmt: skip
_TEXT, _NUMBER = types.StringType(), types.IntegerType()
_TABLE_COLUMNS: dict[str, types.DataType] = dict.fromkeys(
    ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"], _TEXT
)
_COLUMN_COLUMNS: dict[str, types.DataType] = {
    "TABLE_CAT": _TEXT, "TABLE_SCHEM": _TEXT, "TABLE_NAME": _TEXT, "COLUMN_NAME": _TEXT, "DATA_TYPE": _NUMBER,
    "TYPE_NAME": _TEXT, "COLUMN_SIZE": _NUMBER, "BUFFER_LENGTH": _NUMBER, "DECIMAL_DIGITS": _NUMBER,
    "NUM_PREC_RADIX": _NUMBER, "NULLABLE": _NUMBER, "REMARKS": _TEXT, "COLUMN_DEF": _TEXT, "SQL_DATA_TYPE": _NUMBER,
    "SQL_DATETIME_SUB": _NUMBER, "CHAR_OCTET_LENGTH": _NUMBER, "ORDINAL_POSITION": _NUMBER, "IS_NULLABLE": _TEXT,
    "SCOPE_CATALOG": _TEXT, "SCOPE_SCHEMA": _TEXT, "SCOPE_TABLE": _TEXT, "SOURCE_DATA_TYPE": _NUMBER,
    "IS_AUTO_INCREMENT": _TEXT,
}  # fmt: skip


class Operation:
    """A statement, or a question about the catalog, and what came of it."""

    def __init__(self, request: Any, session: bytes, record: StatementRecord | None) -> None:
        self.id = uuid.uuid4().bytes
        self.request = request
        self.session = session
        self.record = record
        self.state = _STATES.PENDING_STATE
        self.error: SqlError | None = None
        self.result: Result | None = None
        self.next_row = 0
        self.done = threading.Event()
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def run(self, work: Callable[[], Result]) -> None:
        """Do the work and keep what comes of it, unless it is cancelled meanwhile."""
        if self.done.is_set():
            return
        self.state = _STATES.RUNNING_STATE
        try:
            self.end(_STATES.FINISHED_STATE, result=work())
        except SqlError as error:
            self.end(_STATES.ERROR_STATE, error=error)
        except Exception as error:
            traceback.print_exc()
            self.end(_STATES.ERROR_STATE, error=SqlError(f"[INTERNAL_ERROR] {error}", "XX000"))

    def end(self, state: int, result: Result | None = None, error: SqlError | None = None) -> None:
        """Note the outcome; the first one stands."""
        with self._lock:
            if self.done.is_set():
                return
            self.state, self.result, self.error = state, result, error
            if self.record is not None:
                self.record.state = _STATES._VALUES_TO_NAMES[state].removesuffix("_STATE")
                self.record.seconds = round(time.monotonic() - self._started, 3)
                self.record.error = error.message if error else None
            self.done.set()


class ThriftService:
    """The sessions and operations of the warehouse; each public method is one of TCLIService's.

    Args:
        spark: The Spark that does the work.
        volumes: The volumes.
        journal: Where statements are noted.
        faults: What is not permitted.

    Attributes:
        base_url: The server's address, for links.
        fetch_threshold: Results of more bytes than this are given as links to fetch, to clients that can.
        fetch_rows: How many rows a link has at most; None for as many as come to some megabytes.
    """

    def __init__(self, spark: SparkSession, volumes: Volumes, journal: Journal, faults: Faults) -> None:
        self.base_url = ""
        self.reset_fetching()
        self._spark = spark
        self._volumes = volumes
        self._grants = Grants()
        self._journal = journal
        self._faults = faults
        self._sessions: dict[bytes, StatementRunner] = {}
        self._operations: dict[bytes, Operation] = {}
        self._files: dict[str, tuple[bytes, bytes]] = {}
        # Spark's Python side keeps a thread in Java for each of these.
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="operation")

    def reset_fetching(self) -> None:
        """Give links as by default again."""
        self.fetch_threshold = 20_000_000
        self.fetch_rows: int | None = None

    def call(self, method: str, request: Any, injected: SqlError | None = None) -> Any:
        """Answer a call.

        Args:
            method: The method's name.
            request: What it is given.
            injected: What the statement is to fail with instead of being run.

        Raises:
            AttributeError: There is no such method.
        """
        if method == "ExecuteStatement":
            return self.ExecuteStatement(request, injected)
        answer = getattr(self, method)
        if injected is not None:
            return _RESPONSES[method](status=_failed(injected))
        return answer(request)

    def statement_of(self, request: Any) -> str | None:
        """The text of the statement a request is about."""
        if hasattr(request, "statement"):
            return str(request.statement)
        handle = getattr(request, "operationHandle", None)
        operation = self._operations.get(handle.operationId.guid) if handle else None
        return operation.record.statement if operation and operation.record else None

    def lose_session(self, request: Any) -> None:
        """Close the session a request is about, or that of its operation."""
        handle, about = getattr(request, "sessionHandle", None), getattr(request, "operationHandle", None)
        operation = self._operations.get(about.operationId.guid) if about else None
        if handle is not None:
            self._end_session(handle.sessionId.guid)
        elif operation is not None:
            self._end_session(operation.session)

    def file(self, key: str) -> bytes | None:
        """A file of rows, to fetch."""
        found = self._files.get(key)
        return found[1] if found else None

    def close(self) -> None:
        """Cancel all that runs."""
        for operation in list(self._operations.values()):
            self._cancel(operation)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # The methods of TCLIService, by their own names.

    def OpenSession(self, request: Any) -> Any:  # noqa: N802
        namespace = request.initialNamespace
        catalog, schema = (namespace.catalogName, namespace.schemaName) if namespace else (None, None)
        try:
            runner = StatementRunner(self._spark, self._volumes, self._grants, catalog, schema, request.configuration)
        except SqlError as error:
            return ttypes.TOpenSessionResp(status=_failed(error), serverProtocolVersion=_PROTOCOL)
        session = uuid.uuid4().bytes
        self._sessions[session] = runner
        return ttypes.TOpenSessionResp(
            status=_ok(),
            serverProtocolVersion=_PROTOCOL,
            sessionHandle=ttypes.TSessionHandle(ttypes.THandleIdentifier(session, secrets.token_bytes(16)), _PROTOCOL),
            configuration={},
            initialNamespace=namespace,
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, request: Any) -> Any:  # noqa: N802
        handle = request.sessionHandle
        known = self._end_session(handle.sessionId.guid)
        return ttypes.TCloseSessionResp(_ok() if known else _no_session(handle))

    def ExecuteStatement(self, request: Any, injected: SqlError | None = None) -> Any:  # noqa: N802
        session = request.sessionHandle.sessionId.guid
        record = self._journal.add_statement(request.statement, session.hex())

        def work(runner: StatementRunner, group: str) -> Result:
            if injected is not None:
                raise injected
            self._faults.check_permitted(request.statement)
            return runner.run(request.statement, request.parameters or (), group)

        return self._start(request, work, ttypes.TExecuteStatementResp, record)

    def GetCatalogs(self, request: Any) -> Any:  # noqa: N802
        columns: dict[str, types.DataType] = {"TABLE_CAT": _TEXT}
        return self._ask(request, ttypes.TGetCatalogsResp, columns, lambda runner: iter([(CATALOG,)]))

    def GetSchemas(self, request: Any) -> Any:  # noqa: N802
        columns: dict[str, types.DataType] = {"TABLE_SCHEM": _TEXT, "TABLE_CATALOG": _TEXT}

        def rows(runner: StatementRunner) -> Iterator[tuple[object, ...]]:
            return ((schema, CATALOG) for schema in _schemas(runner, request))

        return self._ask(request, ttypes.TGetSchemasResp, columns, rows)

    def GetTables(self, request: Any) -> Any:  # noqa: N802
        def rows(runner: StatementRunner) -> Iterator[tuple[object, ...]]:
            wanted = request.tableTypes
            found = _tables(runner, request)
            return ((CATALOG, schema, table, kind, "") for schema, table, kind in found if not wanted or kind in wanted)

        return self._ask(request, ttypes.TGetTablesResp, _TABLE_COLUMNS, rows)

    def GetColumns(self, request: Any) -> Any:  # noqa: N802
        return self._ask(request, ttypes.TGetColumnsResp, _COLUMN_COLUMNS, lambda runner: _columns(runner, request))

    def GetOperationStatus(self, request: Any) -> Any:  # noqa: N802
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return ttypes.TGetOperationStatusResp(status=_no_operation(request.operationHandle))
        operation.done.wait(_POLL_SECONDS)
        return _status(operation)

    def GetResultSetMetadata(self, request: Any) -> Any:  # noqa: N802
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return ttypes.TGetResultSetMetadataResp(status=_no_operation(request.operationHandle))
        operation.done.wait()
        if operation.result is None:
            return ttypes.TGetResultSetMetadataResp(status=_failed(operation.error or _CANCELED))
        return self._metadata(operation, operation.result)

    def FetchResults(self, request: Any) -> Any:  # noqa: N802
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return ttypes.TFetchResultsResp(status=_no_operation(request.operationHandle))
        operation.done.wait()
        if operation.result is None:
            return ttypes.TFetchResultsResp(status=_failed(operation.error or _CANCELED))
        return self._rows(operation, operation.result, request.maxRows, request.maxBytes)

    def CloseOperation(self, request: Any) -> Any:  # noqa: N802
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return ttypes.TCloseOperationResp(_no_operation(request.operationHandle))
        self._end_operation(operation)
        return ttypes.TCloseOperationResp(_ok())

    def CancelOperation(self, request: Any) -> Any:  # noqa: N802
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return ttypes.TCancelOperationResp(_no_operation(request.operationHandle))
        self._cancel(operation)
        return ttypes.TCancelOperationResp(_ok())

    def _ask(
        self,
        request: Any,
        response: Any,
        columns: dict[str, types.DataType],
        rows: Callable[[StatementRunner], Iterator[tuple[object, ...]]],
    ) -> Any:
        def work(runner: StatementRunner, group: str) -> Result:
            return results.from_rows(columns, list(rows(runner)))

        return self._start(request, work, response, None)

    def _start(
        self,
        request: Any,
        work: Callable[[StatementRunner, str], Result],
        response: Any,
        record: StatementRecord | None,
    ) -> Any:
        session = request.sessionHandle.sessionId.guid
        runner = self._sessions.get(session)
        if runner is None:
            if record is not None:
                record.state = "NO SESSION"
            return response(status=_no_session(request.sessionHandle))
        operation = Operation(request, session, record)
        self._operations[operation.id] = operation
        self._pool.submit(operation.run, lambda: work(runner, operation.id.hex()))
        handle = ttypes.TOperationHandle(
            ttypes.THandleIdentifier(operation.id, secrets.token_bytes(16)), ttypes.TOperationType.EXECUTE_STATEMENT, True
        )
        answer = response(status=_ok(), operationHandle=handle)
        wanted = request.getDirectResults
        if wanted is not None:
            operation.done.wait(_DIRECT_SECONDS)
            answer.directResults = self._direct_results(operation, wanted)
        elif not getattr(request, "runAsync", True):
            operation.done.wait()
        return answer

    def _direct_results(self, operation: Operation, wanted: Any) -> Any:
        direct = ttypes.TSparkDirectResults(operationStatus=_status(operation))
        if operation.result is not None:
            direct.resultSetMetadata = self._metadata(operation, operation.result)
            direct.resultSet = self._rows(operation, operation.result, wanted.maxRows, wanted.maxBytes)
            if not direct.resultSet.hasMoreRows and not direct.resultSet.results.resultLinks:
                direct.closeOperation = ttypes.TCloseOperationResp(_ok())
                self._end_operation(operation)
        return direct

    def _metadata(self, operation: Operation, result: Result) -> Any:
        as_links, compressed = self._form(operation, result)
        forms = ttypes.TSparkRowSetType
        return ttypes.TGetResultSetMetadataResp(
            status=_ok(),
            schema=results.thrift_schema(result.schema),
            resultFormat=forms.URL_BASED_SET if as_links else forms.ARROW_BASED_SET,
            lz4Compressed=compressed,
            arrowSchema=result.table.schema.serialize().to_pybytes(),
            isStagingOperation=result.is_staging,
        )

    def _form(self, operation: Operation, result: Result) -> tuple[bool, bool]:
        """Whether the rows are given as links, and whether they are compressed."""
        can_fetch = bool(getattr(operation.request, "canDownloadResult", False)) and not result.is_staging
        compressed = bool(getattr(operation.request, "canDecompressLZ4Result", False))
        return can_fetch and result.table.num_rows > 0 and result.table.nbytes > self.fetch_threshold, compressed

    def _rows(self, operation: Operation, result: Result, max_rows: int, max_bytes: int) -> Any:
        table, start = result.table, operation.next_row
        as_links, compressed = self._form(operation, result)
        bytes_per_row = max(1, table.nbytes // max(1, table.num_rows))
        rows = ttypes.TRowSet(startRowOffset=start, rows=[])
        if as_links:
            per_link = self.fetch_rows or max(1, 8_000_000 // bytes_per_row)
            ranges = results.row_ranges(table.num_rows, start, per_link, _LINKS_PER_ANSWER)
            rows.resultLinks = [self._link(operation, table.slice(*part), part[0], compressed) for part in ranges]
            operation.next_row += sum(length for _, length in ranges)
        else:
            length = min(max_rows or table.num_rows, max(1, (max_bytes or 1 << 40) // bytes_per_row))
            part = table.slice(start, length)
            rows.arrowBatches = results.arrow_batches(part, compressed)
            operation.next_row += part.num_rows
        return ttypes.TFetchResultsResp(
            status=_ok(),
            hasMoreRows=operation.next_row < table.num_rows,
            results=rows,
            resultSetMetadata=self._metadata(operation, result),
        )

    def _link(self, operation: Operation, part: pa.Table, start: int, compressed: bool) -> Any:
        data, size = results.arrow_file(part, compressed)
        key = secrets.token_urlsafe(24)
        self._files[key] = (operation.id, data)
        link = f"{self.base_url}{FETCH_PREFIX}/{key}"
        return ttypes.TSparkArrowResultLink(link, int(time.time()) + _LINK_SECONDS, start, part.num_rows, size, {})

    def _cancel(self, operation: Operation) -> None:
        operation.end(_STATES.CANCELED_STATE)
        context = self._spark.sparkContext._jsc.sc()
        context.cancelJobGroupAndFutureJobs(operation.id.hex())

    def _end_operation(self, operation: Operation) -> None:
        if not operation.done.is_set():
            self._cancel(operation)
        self._operations.pop(operation.id, None)
        self._files = {key: kept for key, kept in self._files.items() if kept[0] != operation.id}

    def _end_session(self, session: bytes) -> bool:
        for operation in [o for o in self._operations.values() if o.session == session]:
            self._end_operation(operation)
        return self._sessions.pop(session, None) is not None


_RESPONSES = {
    name: getattr(ttypes, f"T{name}Resp") for name in dir(ThriftService) if name[0].isupper() and hasattr(ttypes, f"T{name}Resp")
}


def _ok() -> Any:
    return ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)


def _failed(error: SqlError) -> Any:
    return ttypes.TStatus(
        statusCode=ttypes.TStatusCode.ERROR_STATUS,
        sqlState=error.sqlstate,
        errorMessage=error.message,
        displayMessage=error.message,
    )


def _no_session(handle: Any) -> Any:
    return _invalid(f"Invalid SessionHandle: SessionHandle [{uuid.UUID(bytes=handle.sessionId.guid)}]")


def _no_operation(handle: Any) -> Any:
    return _invalid(f"Invalid OperationHandle: OperationHandle [{uuid.UUID(bytes=handle.operationId.guid)}]")


def _invalid(message: str) -> Any:
    code = ttypes.TStatusCode.INVALID_HANDLE_STATUS
    return ttypes.TStatus(statusCode=code, sqlState="HY000", errorMessage=message, displayMessage=message)


def _status(operation: Operation) -> Any:
    status = ttypes.TGetOperationStatusResp(status=_ok(), operationState=operation.state)
    if operation.error is not None:
        status.sqlState = operation.error.sqlstate
        status.errorMessage = status.displayMessage = operation.error.message
    if operation.result is not None:
        status.numModifiedRows = operation.result.modified_rows
    return status


def _like(pattern: str | None) -> Callable[[str], bool]:
    """Whether a name is like a pattern of JDBC's, where % is any text and _ any character unless after a backslash."""
    pieces = re.findall(r"\\.|.", pattern or "%", re.DOTALL)
    meanings = {"%": ".*", "_": "."}
    compiled = re.compile("".join(meanings.get(piece, re.escape(piece[-1])) for piece in pieces), re.IGNORECASE | re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None


def _schemas(runner: StatementRunner, request: Any) -> list[str]:
    if not _like(request.catalogName)(CATALOG):
        return []
    return [schema for schema in runner.schemas() if _like(request.schemaName)(schema)]


def _tables(runner: StatementRunner, request: Any) -> Iterator[tuple[str, str, str]]:
    fits = _like(request.tableName)
    for schema in _schemas(runner, request):
        for table, kind in runner.tables(schema):
            if fits(table):
                yield schema, table, kind


def _columns(runner: StatementRunner, request: Any) -> Iterator[tuple[object, ...]]:
    fits = _like(request.columnName)
    for schema, table, _ in _tables(runner, request):
        for position, field in enumerate(runner.columns(schema, table)):
            if not fits(field.name):
                continue
            said = field.dataType.simpleString()
            row: dict[str, object] = dict.fromkeys(_COLUMN_COLUMNS)
            row |= {"TABLE_CAT": CATALOG, "TABLE_SCHEM": schema, "TABLE_NAME": table, "COLUMN_NAME": field.name}
            row |= {"TYPE_NAME": said.upper(), "DATA_TYPE": _JDBC_TYPES.get(said.partition("(")[0], 1111)}
            row |= {"ORDINAL_POSITION": position, "REMARKS": field.metadata.get("comment", "")}
            row |= {"NULLABLE": int(field.nullable), "IS_NULLABLE": "YES" if field.nullable else "NO"}
            row |= {"IS_AUTO_INCREMENT": "NO"}
            if isinstance(field.dataType, types.DecimalType):
                row |= {"COLUMN_SIZE": field.dataType.precision, "DECIMAL_DIGITS": field.dataType.scale, "NUM_PREC_RADIX": 10}
            yield tuple(row.values())
