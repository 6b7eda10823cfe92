"""The program: starts the test warehouse and keeps it until it is told to end."""

import argparse
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.warehouse.server import delta_jars
from tests.warehouse.server.access_tokens import AccessTokens
from tests.warehouse.server.certificate import make_certificate
from tests.warehouse.server.faults import Faults
from tests.warehouse.server.http_server import HTTP_PATH, Parts, WarehouseServer
from tests.warehouse.server.journal import Journal
from tests.warehouse.server.spark_session import new_session, start_spark, stop_spark
from tests.warehouse.server.thrift_service import ThriftService
from tests.warehouse.server.volumes import Volumes


def main() -> None:
    """Start it, say where it is, and end it on SIGTERM, on Ctrl-C or with its parent."""
    options = _options()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if options.end_with_parent:
        threading.Thread(target=_await_parents_end, args=(ended, os.getppid()), daemon=True).start()
    root = Path(options.root or tempfile.mkdtemp(prefix="warehouse-")).absolute()
    root.mkdir(parents=True, exist_ok=True)
    try:
        _serve(options, root, ended)
    finally:
        if options.root is None:
            shutil.rmtree(root, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/warehouse/server",
        description="A test warehouse for Databricks' clients, with Spark and Delta Lake behind it.",
    )
    parser.add_argument("--port", type=int, default=0, help="where it listens on localhost; any free port when not given")
    parser.add_argument("--root", help="directory for its files; a temporary one, removed at the end, when not given")
    parser.add_argument("--token", help="the access token; a random one when not given")
    parser.add_argument("--client-id", help="a service principal that may get tokens by OAuth")
    parser.add_argument("--client-secret", help="its secret")
    parser.add_argument("--jars", type=Path, help="directory of Delta Lake's archives; that of the environment when not given")
    parser.add_argument("--memory", default="4g", help="Java's memory (default 4g)")
    parser.add_argument("--end-with-parent", action="store_true", help="end when the parent does, or closes standard input")
    options = parser.parse_args()
    if (options.client_id is None) != (options.client_secret is None):
        parser.error("--client-id and --client-secret go together")
    return options


def _serve(options: argparse.Namespace, root: Path, ended: threading.Event) -> None:
    token = options.token or f"dapi{secrets.token_hex(16)}"
    certificate = make_certificate(root)
    spark = start_spark(root, delta_jars.found_in(options.jars or delta_jars.default_directory()), options.memory)
    # The first session and the first table take seconds; they are spent here, not in somebody's first statement.
    session = new_session(spark)
    session.sql("CREATE TABLE default.warming AS SELECT 1 AS one")
    session.sql("DROP TABLE default.warming")
    volumes, journal, faults = Volumes(root / "volumes"), Journal(), Faults()
    service = ThriftService(spark, volumes, journal, faults)
    tokens = AccessTokens(token, options.client_id, options.client_secret)
    server = WarehouseServer(options.port, certificate, Parts(service, volumes, tokens, faults, journal))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = {
        "host": server.host,
        "http_path": HTTP_PATH,
        "token": token,
        "ca_file": str(certificate.ca_file),
        "root": str(root),
    }
    print(json.dumps(where), flush=True)
    names = {"host": "DATABRICKS_HOST", "http_path": "DATABRICKS_HTTP_PATH", "token": "DATABRICKS_TOKEN"}
    exports = {name: where[key] for key, name in names.items()}
    exports |= dict.fromkeys(["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"], where["ca_file"])
    print("".join(f"export {name}={value}\n" for name, value in exports.items()), file=sys.stderr, flush=True)
    try:
        ended.wait()
    finally:
        server.shutdown()
        service.close()
        stop_spark(spark)


def _await_parents_end(ended: threading.Event, parent: int) -> None:
    # Whichever is noticed first: the pipe closes, or the process has been given to another parent.
    def await_end_of_input() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=await_end_of_input, daemon=True).start()
    while os.getppid() == parent:
        time.sleep(1)
    ended.set()
