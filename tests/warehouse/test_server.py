"""The test warehouse itself, asked by Databricks' own connector as it is."""

import datetime as dt
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databricks import sql
from databricks.sdk.core import Config, oauth_service_principal
from databricks.sql.exc import DatabaseError, RequestError, ServerOperationError

from tests.warehouse.conftest import CLIENT_ID, CLIENT_SECRET
from tests.warehouse.server_process import ServerProcess

DIRECTORY = "/Volumes/workspace/lab/files"


@pytest.fixture(scope="module")
def schema(warehouse: ServerProcess) -> None:
    with connect(warehouse) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS workspace.lab")
        cursor.execute("CREATE VOLUME IF NOT EXISTS workspace.lab.files")


@pytest.fixture
def cursor(warehouse: ServerProcess, schema: None, tmp_path: Path) -> Iterator[Any]:
    warehouse.clear()
    with connect(warehouse, staging_allowed_local_path=str(tmp_path)) as connection, connection.cursor() as cursor:
        yield cursor
        # Closing is no place for faults.
        warehouse.clear()


def connect(server: ServerProcess, **options: Any) -> Any:
    name, port = server.host.split(":")
    settings = {"access_token": server.token, "_retry_stop_after_attempts_count": 1, **options}
    if "credentials_provider" in settings:
        del settings["access_token"]
    return sql.connect(
        server_hostname=name,
        _port=int(port),
        http_path=server.http_path,
        _tls_trusted_ca_file=server.ca_file,
        enable_telemetry=False,
        **settings,
    )


def rows(cursor: Any, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return [tuple(row) for row in cursor.fetchall()]


def refusal(cursor: Any, statement: str) -> str:
    with pytest.raises(ServerOperationError) as raised:
        cursor.execute(statement)
    return str(raised.value)


def test_values_come_through_exactly(cursor: Any) -> None:
    statement = """SELECT CAST('12345678901234567890123456789012.345678' AS DECIMAL(38,6)), CAST('-0.01' AS DECIMAL(18,2)),
        DATE '2020-02-29', TIMESTAMP '2020-02-29 12:30:00.123456', 'Zoë;'';', CAST(NULL AS DECIMAL(18,2)), 9223372036854775807"""
    (row,) = rows(cursor, statement)
    assert row == (
        Decimal("12345678901234567890123456789012.345678"),
        Decimal("-0.01"),
        dt.date(2020, 2, 29),
        dt.datetime(2020, 2, 29, 12, 30, 0, 123456, dt.UTC),
        "Zoë;';",
        None,
        2**63 - 1,
    )
    assert [(c[1], c[4], c[5]) for c in cursor.description[:2]] == [("decimal", 38, 6), ("decimal", 18, 2)]
    said = {"name": "O'Hara \\ ;", "amount": Decimal("0.10")}
    assert rows(cursor, "SELECT :name, :amount + 1, current_catalog()", said) == [("O'Hara \\ ;", Decimal("1.10"), "workspace")]


def test_tables_views_and_errors_have_three_part_names(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TABLE workspace.lab.a TBLPROPERTIES ('by' = 'test') AS SELECT 1 AS one")
    cursor.execute("CREATE OR REPLACE VIEW workspace.lab.v AS SELECT one + 1 AS two FROM workspace.lab.a")
    cursor.execute("USE workspace.lab")
    assert rows(cursor, "SELECT * FROM v JOIN workspace.lab.a ON two = one + 1") == [(2, 1)]
    kinds = {row.TABLE_NAME: row.TABLE_TYPE for row in cursor.tables(schema_name="lab").fetchall()}
    assert (kinds["a"], kinds["v"]) == ("TABLE", "VIEW")
    column = cursor.columns(schema_name="lab", table_name="a").fetchall()[0]
    assert (column.TABLE_CAT, column.COLUMN_NAME, column.TYPE_NAME) == ("workspace", "one", "INT")
    message = refusal(cursor, "DROP TABLE workspace.lab.missing")
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in message and "`workspace`.`lab`.`missing`" in message and "42P01" in message
    assert "[NO_SUCH_CATALOG_EXCEPTION]" in refusal(cursor, "SELECT * FROM elsewhere.lab.a")
    assert "[DIVIDE_BY_ZERO]" in refusal(cursor, "SELECT one / (one - 1) FROM a")


def test_comments_and_history_are_kept(cursor: Any) -> None:
    for number in range(2):
        cursor.execute(f"CREATE OR REPLACE TABLE workspace.lab.h COMMENT 'how many' AS SELECT {number} AS n")
    cursor.execute("COMMENT ON COLUMN workspace.lab.h.n IS 'a number'")
    described = {row[0]: row[1:] for row in rows(cursor, "DESCRIBE TABLE EXTENDED workspace.lab.h")}
    assert described["n"] == ("int", "a number") and described["Comment"][0] == "how many"
    assert described["Name"][0] == "workspace.lab.h"
    operations = [row[4] for row in rows(cursor, "DESCRIBE HISTORY workspace.lab.h")]
    assert operations == ["CHANGE COLUMN", "CREATE OR REPLACE TABLE AS SELECT", "CREATE OR REPLACE TABLE AS SELECT"]
    assert rows(cursor, "SELECT n FROM workspace.lab.h VERSION AS OF 0") == [(0,)]


def test_grants_outlive_replacing_but_not_dropping(cursor: Any) -> None:
    create = "CREATE OR REPLACE TABLE workspace.lab.g AS SELECT 1 AS n"
    cursor.execute(create)
    cursor.execute("GRANT SELECT, MODIFY ON TABLE workspace.lab.g TO `data readers`")
    cursor.execute("REVOKE MODIFY ON TABLE workspace.lab.g FROM `data readers`")
    cursor.execute(create)
    granted = [("data readers", "SELECT", "TABLE", "workspace.lab.g")]
    assert rows(cursor, "SHOW GRANTS ON TABLE workspace.lab.g") == granted
    cursor.execute("DROP TABLE workspace.lab.g")
    cursor.execute(create)
    assert rows(cursor, "SHOW GRANTS ON TABLE workspace.lab.g") == []


def test_files_go_in_and_out_of_volumes(cursor: Any, warehouse: ServerProcess, tmp_path: Path) -> None:
    table = pa.table({"amount": pa.array([Decimal("1.10"), Decimal("2.20")], pa.decimal128(18, 2))})
    pq.write_table(table, tmp_path / "in.parquet")
    put = f"PUT '{tmp_path}/in.parquet' INTO '{DIRECTORY}/in/part 1.parquet'"
    cursor.execute(put)
    assert "[FILE_ALREADY_EXISTS]" in refusal(cursor, put)
    cursor.execute(f"{put} OVERWRITE")
    ((path, name, size, _),) = rows(cursor, f"LIST '{DIRECTORY}/in'")
    content = (tmp_path / "in.parquet").read_bytes()
    assert (path, name, size) == (f"{DIRECTORY}/in/part 1.parquet", "part 1.parquet", len(content))
    cursor.execute(f"SELECT * FROM read_files('{DIRECTORY}/in/*.parquet', format => 'parquet')")
    assert [column[0] for column in cursor.description] == ["amount", "_rescued_data"]
    assert [tuple(row) for row in cursor.fetchall()] == [(Decimal("1.10"), None), (Decimal("2.20"), None)]
    assert rows(cursor, f"SELECT sum(amount) FROM parquet.`{DIRECTORY}/in`") == [(Decimal("3.30"),)]
    cursor.execute(f"GET '{path}' TO '{tmp_path}/out.parquet'")
    assert (tmp_path / "out.parquet").read_bytes() == content
    cursor.execute(f"REMOVE '{path}'")
    assert rows(cursor, f"LIST '{DIRECTORY}/in'") == []
    assert f"dbfs:{path}" in refusal(cursor, f"GET '{path}' TO '{tmp_path}/out.parquet'")
    assert "[CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE]" in refusal(cursor, f"SELECT * FROM read_files('{DIRECTORY}/in/*.parquet')")
    counts = warehouse.requests()
    assert (counts["put"], counts["get"], counts["remove"]) == (2, 1, 1)


def test_large_results_are_fetched_by_links(cursor: Any, warehouse: ServerProcess) -> None:
    warehouse.cloud_fetch(threshold=0, rows=1000)
    found = rows(cursor, "SELECT id, CAST(id AS STRING) FROM range(20000) ORDER BY id")
    assert found == [(number, str(number)) for number in range(20000)]
    assert warehouse.requests()["cloudfetch"] == 20


def test_a_cancelled_statement_stops_working(cursor: Any, warehouse: ServerProcess) -> None:
    cursor.execute_async("SELECT count(*) FROM range(1000000000000000) WHERE id % 7 = 3")
    while not any(record["state"] == "RUNNING" for record in warehouse.statement_records()):
        time.sleep(0.05)
    cursor.cancel()
    # It had both cores; another one gets them only if it has let go.
    assert rows(cursor, "SELECT count(*) FROM range(10) WHERE id % 7 = 3") == [(1,)]
    assert [record["state"] for record in warehouse.statement_records()] == ["CANCELED", "FINISHED"]


def test_a_wrong_token_is_refused(warehouse: ServerProcess) -> None:
    with pytest.raises(RequestError, match="Invalid access token"):
        connect(warehouse, access_token="wrong")


def test_a_service_principal_gets_a_token(warehouse: ServerProcess, schema: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", warehouse.ca_file)
    warehouse.clear()

    def login(secret: str) -> Any:
        return oauth_service_principal(Config(host=f"https://{warehouse.host}", client_id=CLIENT_ID, client_secret=secret))

    with connect(warehouse, credentials_provider=lambda: login(CLIENT_SECRET)) as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]
    assert warehouse.requests()["token"] >= 1
    with pytest.raises(ValueError, match="invalid_client"):
        login("wrong")()


def test_a_denied_statement_is_not_permitted(cursor: Any, warehouse: ServerProcess) -> None:
    warehouse.deny(["^CREATE .*TABLE"])
    message = refusal(cursor, "CREATE OR REPLACE TABLE workspace.lab.d AS SELECT 1")
    assert "PERMISSION_DENIED" in message and "SQLSTATE: 42501" in message
    assert rows(cursor, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("rule", "said"),
    [({"do": "status", "code": 429, "message": "BUSY"}, "BUSY"), ({"do": "starting", "seconds": 60}, "warehouse is starting")],
)
def test_fault_of_http_status(warehouse: ServerProcess, schema: None, rule: dict[str, Any], said: str) -> None:
    warehouse.clear()
    # So the connector does not try again, after a minute, where no Retry-After asks for it.
    with connect(warehouse, _respect_server_retry_after_header=True) as connection, connection.cursor() as cursor:
        warehouse.faults([{"on": "ExecuteStatement", **rule}])
        with pytest.raises(RequestError, match=said):
            cursor.execute("SELECT 1")
        assert warehouse.applied_faults() == [1] and warehouse.statements() == []


def test_fault_that_asks_for_another_try_later(warehouse: ServerProcess) -> None:
    warehouse.faults([{"on": "token", "do": "status", "code": 503, "retry_after": 7, "skip": 1}])
    for status in (401, 503, 401):
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"https://{warehouse.host}/oidc/v1/token", b"grant_type=none", context=warehouse.context)
        assert (raised.value.code, raised.value.headers["Retry-After"]) == (status, "7" if status == 503 else None)
    assert warehouse.requests()["token"] >= 3


@pytest.mark.parametrize(("kind", "done"), [("cut_before", 0), ("cut_after", 1)])
def test_fault_of_a_cut_connection(cursor: Any, warehouse: ServerProcess, kind: str, done: int) -> None:
    statement = f"CREATE SCHEMA workspace.lab_{kind}"
    warehouse.faults([{"on": "ExecuteStatement", "matching": "lab_cut", "do": kind, "times": None}])
    with pytest.raises(Exception, match=r"(?i)connection|EOF|reset"):
        cursor.execute(statement)
    assert (warehouse.statements() != []) is bool(done)
    warehouse.clear()
    assert len(rows(cursor, f"SHOW SCHEMAS IN workspace LIKE 'lab_{kind}'")) == done


def test_fault_of_a_delay(cursor: Any, warehouse: ServerProcess) -> None:
    warehouse.faults([{"on": "ExecuteStatement", "do": "delay", "seconds": 0.5, "skip": 1}])
    rows(cursor, "SELECT 1")
    began = time.monotonic()
    assert rows(cursor, "SELECT 1") == [(1,)]
    assert time.monotonic() - began >= 0.5


def test_fault_of_an_expired_token(cursor: Any, warehouse: ServerProcess) -> None:
    warehouse.faults([{"on": "ExecuteStatement", "do": "expire_token", "times": None}])
    for _ in range(2):
        with pytest.raises(RequestError, match="Invalid access token"):
            cursor.execute("SELECT 1")
    assert warehouse.statements() == []


def test_fault_of_a_failing_statement(cursor: Any, warehouse: ServerProcess) -> None:
    warehouse.faults([{"do": "fail", "on": "ExecuteStatement", "matching": "one", "message": "[OUT] Out.", "sqlstate": "53200"}])
    assert refusal(cursor, "SELECT 'one'") == "[OUT] Out. SQLSTATE: 53200"
    assert rows(cursor, "SELECT 'one'") == [("one",)]


@pytest.mark.parametrize("over_http", [False, True])
def test_fault_of_a_lost_session(cursor: Any, warehouse: ServerProcess, over_http: bool) -> None:
    warehouse.faults([{"do": "lose_session", "on": "ExecuteStatement", "over_http": over_http}])
    for _ in range(2):
        with pytest.raises((DatabaseError, RequestError), match="Invalid SessionHandle"):
            cursor.execute("SELECT 1")


def test_fault_of_a_transfer(cursor: Any, warehouse: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    warehouse.faults([{"do": "status", "on": "put", "code": 403}])
    put = f"PUT '{tmp_path}/x' INTO '{DIRECTORY}/x' OVERWRITE"
    with pytest.raises(Exception, match="403"):
        cursor.execute(put)
    assert "x" not in [row[1] for row in rows(cursor, f"LIST '{DIRECTORY}'")]
    cursor.execute(put)
    assert "x" in [row[1] for row in rows(cursor, f"LIST '{DIRECTORY}'")]


def test_links_need_their_signature_and_control_the_token(warehouse: ServerProcess) -> None:
    for path in ("/_volumes/workspace/lab/files/x?expires=9999999999&signature=00", "/_test/statements"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"https://{warehouse.host}{path}", context=warehouse.context)
    with pytest.raises(ValueError, match="nonsense"):
        warehouse.faults([{"do": "nonsense"}])
