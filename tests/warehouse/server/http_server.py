"""The HTTPS side: Thrift calls, volumes' files, files of rows, OAuth, and the control of the tests."""

import json
import shutil
import socket
import ssl
import struct
import tempfile
import time
import traceback
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TTransport import TMemoryBuffer

from tests.warehouse.server.access_tokens import AccessTokens, bearer
from tests.warehouse.server.certificate import Certificate
from tests.warehouse.server.faults import Faults, Rule
from tests.warehouse.server.journal import Journal
from tests.warehouse.server.sql_error import SqlError
from tests.warehouse.server.thrift_service import FETCH_PREFIX, ThriftService
from tests.warehouse.server.volumes import LINK_PREFIX, Volumes

HTTP_PATH = "/sql/1.0/warehouses/test"
_VOLUME_EVENTS = {"PUT": "put", "GET": "get", "DELETE": "remove"}
_VOLUME_OPERATIONS = {"PUT": "PUT", "GET": "GET", "DELETE": "REMOVE"}


class Parts:
    """What the handler of a request works with.

    Args:
        service: The Thrift methods.
        volumes: The volumes.
        tokens: Who may call.
        faults: What is to go wrong.
        journal: Where requests are noted.
    """

    def __init__(self, service: ThriftService, volumes: Volumes, tokens: AccessTokens, faults: Faults, journal: Journal) -> None:
        self.service = service
        self.volumes = volumes
        self.tokens = tokens
        self.faults = faults
        self.journal = journal
        self.base_url = ""


class WarehouseServer(ThreadingHTTPServer):
    """The server; `serve_forever` answers requests, each connection in a thread of its own.

    Args:
        port: Where it listens on the loopback interface; 0 for any free port.
        certificate: Its certificate.
        parts: What answers.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, certificate: Certificate, parts: Parts) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        # The handshake is done by the connection's own thread: a client that is slow at it holds up no other.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.parts = parts
        self.host = f"localhost:{self.server_port}"
        parts.base_url = parts.service.base_url = parts.volumes.base_url = f"https://{self.host}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that went away."""


class _Cut(Exception):  # noqa: N818
    """The connection is to be cut."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: WarehouseServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        try:
            if path.startswith("/_test/"):
                self._control(path.removeprefix("/_test/"))
            elif path.startswith(f"{LINK_PREFIX}/") and self.command in _VOLUME_EVENTS:
                self._transfer(path)
            elif path.startswith(f"{FETCH_PREFIX}/"):
                self._fetch(path)
            elif path.startswith("/sql/1.0/") and self.command == "POST":
                self._thrift()
            else:
                self._workspace(path)
        except _Cut:
            self._cut()

    # Thrift

    def _thrift(self) -> None:
        protocol = TBinaryProtocol(TMemoryBuffer(self._body()))
        method, _, sequence = protocol.readMessageBegin()
        arguments = getattr(TCLIService, f"{method}_args", None)
        if arguments is None:
            return self._send(404, _error("RESOURCE_DOES_NOT_EXIST", f"There is no method {method}"))
        call = arguments()
        call.read(protocol)
        parts, request = self.server.parts, call.req
        rule = self._befallen(method, parts.service.statement_of(request), is_thrift=True)
        if self._refused(method, rule):
            return None
        if rule is not None and rule.do == "lose_session":
            parts.service.lose_session(request)
            if rule.over_http:
                session = getattr(request, "sessionHandle", None)
                name = uuid.UUID(bytes=session.sessionId.guid) if session else "unknown"
                text = f"BAD_REQUEST: Invalid SessionHandle: Session [{name}] is closed."
                return self._send(400, b"", method, rule, {"x-thriftserver-error-message": text})
        injected = SqlError(rule.message, rule.sqlstate) if rule is not None and rule.do == "fail" else None
        out = TMemoryBuffer()
        reply = TBinaryProtocol(out)
        try:
            answer = parts.service.call(method, request, injected)
        except Exception as error:
            traceback.print_exc()
            reply.writeMessageBegin(method, TMessageType.EXCEPTION, sequence)
            TApplicationException(TApplicationException.INTERNAL_ERROR, str(error)).write(reply)
        else:
            reply.writeMessageBegin(method, TMessageType.REPLY, sequence)
            getattr(TCLIService, f"{method}_result")(success=answer).write(reply)
        reply.writeMessageEnd()
        self._cut_after(method, rule)
        return self._send(200, out.getvalue(), method, rule, {"Content-Type": "application/x-thrift"})

    # Files

    def _transfer(self, path: str) -> None:
        event = _VOLUME_EVENTS[self.command]
        parts = self.server.parts
        with tempfile.SpooledTemporaryFile(max_size=1 << 20) as body:
            _copy(self.rfile, body, int(self.headers.get("Content-Length") or 0))
            rule = self._befallen(event, path.removeprefix(LINK_PREFIX), is_thrift=False)
            if self._refused(event, rule):
                return
            file = parts.volumes.resolve_link(_VOLUME_OPERATIONS[self.command], self.path)
            if file is None:
                self._send(403, b"<Error><Code>AccessDenied</Code></Error>", event, rule)
                return
            status, content = self._transferred(file, body)
        self._cut_after(event, rule)
        self._send(status, content, event, rule, {"Content-Type": "application/octet-stream"})

    def _transferred(self, file: Path, body: Any) -> tuple[int, bytes]:
        if self.command == "PUT":
            file.parent.mkdir(parents=True, exist_ok=True)
            body.seek(0)
            # A file that is half written is never seen; hidden ones are not read by Spark.
            partial = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
            with partial.open("wb") as written:
                shutil.copyfileobj(body, written)
            partial.replace(file)
            return 201, b""
        if not file.is_file():
            return 404, b"<Error><Code>NoSuchKey</Code></Error>"
        if self.command == "GET":
            return 200, file.read_bytes()
        file.unlink()
        return 204, b""

    def _fetch(self, path: str) -> None:
        rule = self._befallen("cloudfetch", None, is_thrift=False)
        if self._refused("cloudfetch", rule):
            return
        content = self.server.parts.service.file(path.removeprefix(f"{FETCH_PREFIX}/"))
        self._cut_after("cloudfetch", rule)
        if content is None:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", "cloudfetch", rule)
        else:
            self._send(200, content, "cloudfetch", rule, {"Content-Type": "application/octet-stream"})

    # The workspace around the warehouse

    def _workspace(self, path: str) -> None:
        body, parts = self._body(), self.server.parts
        oidc = f"{parts.base_url}/oidc"
        if path == "/.well-known/databricks-config":
            answer: object = {"oidc_endpoint": oidc, "workspace_id": "1"}
        elif path in ("/oidc/.well-known/oauth-authorization-server", "/oidc/.well-known/openid-configuration"):
            answer = {
                "issuer": oidc,
                "token_endpoint": f"{oidc}/v1/token",
                "authorization_endpoint": f"{oidc}/v1/authorize",
                "grant_types_supported": ["client_credentials"],
            }
        elif path == "/oidc/v1/token" and self.command == "POST":
            rule = self._befallen("token", None, is_thrift=False)
            if self._refused("token", rule):
                return None
            issued = parts.tokens.issue(self.headers.get("Authorization"), body.decode(), oidc)
            self._cut_after("token", rule)
            if issued is None:
                refusal = {"error": "invalid_client", "error_description": "Client authentication failed"}
                return self._send(401, json.dumps(refusal).encode(), "token", rule)
            return self._send(200, json.dumps(issued).encode(), "token", rule)
        elif path.startswith("/api/2.0/connector-service/feature-flags/"):
            answer = {"flags": [], "ttl_seconds": 900}
        elif path in ("/telemetry-ext", "/telemetry-unauth"):
            answer = {"errors": [], "numProtoSuccess": 0}
        else:
            return self._send(404, _error("ENDPOINT_NOT_FOUND", f"There is nothing at {path}"))
        return self._send(200, json.dumps(answer).encode())

    # Control by the tests

    def _control(self, name: str) -> None:
        body, parts = self._body(), self.server.parts
        if not parts.tokens.is_owner(self.headers.get("Authorization")):
            return self._send(403, _error("PERMISSION_DENIED", "The control needs the server's own token"))
        try:
            said: Any = json.loads(body) if body else None
            match (self.command, name):
                case ("GET", "faults"):
                    answer: object = parts.faults.as_json()
                case ("POST", "faults"):
                    parts.faults.set_rules(said)
                    answer = parts.faults.as_json()
                case ("POST", "denied"):
                    parts.faults.set_denied(said)
                    answer = said
                case ("POST", "cloudfetch"):
                    parts.service.fetch_threshold = int(said["threshold"])
                    parts.service.fetch_rows = said.get("rows")
                    answer = said
                case ("GET", "statements"):
                    answer = parts.journal.statements_as_json()
                case ("GET", "requests"):
                    answer = parts.journal.requests_as_json()
                case ("POST", "clear"):
                    parts.journal.clear()
                    parts.faults.clear()
                    parts.service.reset_fetching()
                    answer = {}
                case _:
                    return self._send(404, _error("ENDPOINT_NOT_FOUND", f"There is no {self.command} {name}"))
        except (ValueError, TypeError, KeyError) as error:
            return self._send(400, _error("INVALID_PARAMETER_VALUE", f"{type(error).__name__}: {error}"))
        return self._send(200, json.dumps(answer).encode())

    # Faults and answers

    def _befallen(self, event: str, text: str | None, is_thrift: bool) -> Rule | None:
        """The rule for this request, after the wait it may ask for."""
        rule = self.server.parts.faults.pick(event, is_thrift, text, bearer(self.headers.get("Authorization")))
        if rule is not None and rule.do == "delay":
            time.sleep(rule.seconds)
        return rule

    def _refused(self, event: str, rule: Rule | None) -> bool:
        """Answer a request that is not to be worked on."""
        kind = rule.do if rule is not None else None
        # Signed links and token requests carry no token.
        needs_token = event not in (*_VOLUME_EVENTS.values(), "cloudfetch", "token")
        if kind == "cut_before":
            self.server.parts.journal.add_request(event, None, kind)
            raise _Cut
        if kind == "expire_token" or (needs_token and not self.server.parts.tokens.accepts(self.headers.get("Authorization"))):
            text = "Invalid access token."
            request = uuid.uuid4()
            headers = {
                "x-databricks-reason-phrase": text,
                "x-thriftserver-error-message": f"{text} [ReqId: {request}]",
                "WWW-Authenticate": 'Bearer realm="DatabricksRealm"',
            }
            self._send(403, _error(403, f"{text} [ReqId: {request}]"), event, rule, headers)
            return True
        if rule is not None and kind in ("status", "starting"):
            starting = "TEMPORARILY_UNAVAILABLE: warehouse is starting"
            text = starting if kind == "starting" else rule.message
            headers = {"x-thriftserver-error-message": text}
            if rule.retry_after is not None:
                headers["Retry-After"] = f"{rule.retry_after:g}"
            code = 503 if kind == "starting" else rule.code
            self._send(code, _error(code, text), event, rule, headers)
            return True
        return False

    def _cut_after(self, event: str, rule: Rule | None) -> None:
        if rule is not None and rule.do == "cut_after":
            self.server.parts.journal.add_request(event, None, rule.do)
            raise _Cut

    def _cut(self) -> None:
        # Closing with nothing to linger for resets the connection, as a broken one is.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        socket.socket.close(self.connection)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(
        self,
        status: int,
        content: bytes,
        event: str | None = None,
        rule: Rule | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        if event is not None:
            self.server.parts.journal.add_request(event, status, rule.do if rule is not None else None)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _error(code: int | str, message: str) -> bytes:
    return json.dumps({"error_code": code, "message": message}).encode()


def _copy(source: Any, target: Any, length: int) -> None:
    while length > 0 and (piece := source.read(min(length, 1 << 20))):
        target.write(piece)
        length -= len(piece)
