"""Where the Databricks SQL warehouse is, and as whom to ask: environment variables and nothing else."""

from __future__ import annotations

import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lending_club.errors import ParameterError, WarehouseError

if TYPE_CHECKING:
    from databricks.sql.client import Connection

_TCP_SECONDS = 10


@dataclass(frozen=True)
class Login:
    """What it takes to open a session. Secrets stay out of its text."""

    host: str
    port: int
    http_path: str
    token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Login:
        """Read ``DATABRICKS_HOST``, ``_HTTP_PATH`` and ``_TOKEN``, or ``_CLIENT_ID`` and ``_CLIENT_SECRET``.

        Raises:
            ParameterError: One is missing or cannot be one; the message names it.
        """
        values = {name: os.environ.get(f"DATABRICKS_{name}", "").strip() for name in _SETTINGS}
        missing = [f"DATABRICKS_{name}" for name in ("HOST", "HTTP_PATH") if not values[name]]
        if not values["TOKEN"]:
            if values["CLIENT_ID"] or values["CLIENT_SECRET"]:
                missing += [f"DATABRICKS_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET") if not values[name]]
            else:
                missing.append("DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)")
        if missing:
            raise ParameterError(
                f"Databricks: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. Set them in the environment,"
                " in .env, or in conf/local/credentials.yml. Databricks shows them under SQL Warehouses, Connection details."
            )
        host, port = _host_and_port(values["HOST"])
        if not values["HTTP_PATH"].startswith("/"):
            raise ParameterError("Databricks: DATABRICKS_HTTP_PATH must start with /, as in /sql/1.0/warehouses/...")
        for name, value in values.items():
            if re.search(r"[^!-~]", value):
                raise ParameterError(f"Databricks: DATABRICKS_{name} has characters in it that it cannot have. Set it anew.")
        secret = {"client_id": values["CLIENT_ID"], "client_secret": values["CLIENT_SECRET"]}
        return cls(host, port, values["HTTP_PATH"], **({"token": values["TOKEN"]} if values["TOKEN"] else secret))

    def __str__(self) -> str:
        """Where and how, without secrets."""
        return f"{self.host}{self.http_path}, with a {'token' if self.token else 'service principal'}"

    def reach(self) -> str:
        """Ask whether somebody listens there whom this machine trusts, which the connector would take minutes to find out.

        Raises:
            WarehouseError: Nobody does.
        """
        if any(os.environ.get(name) for proxy in ("https_proxy", "all_proxy") for name in (proxy, proxy.upper())):
            return "through a proxy"
        try:
            with (
                socket.create_connection((self.host, self.port), _TCP_SECONDS) as connection,
                ssl.create_default_context().wrap_socket(connection, server_hostname=self.host),
            ):
                pass
        except ssl.SSLError as error:
            raise WarehouseError(
                f"Databricks: {self.host} cannot be trusted: {getattr(error, 'verify_message', '') or error.reason}."
                " If your network has certificates of its own, name their file in SSL_CERT_FILE."
            ) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise WarehouseError(
                f"Databricks: {self.host}, port {self.port}, cannot be reached: {reason}. Check DATABRICKS_HOST and the network."
            ) from error
        return f"{self.host}, port {self.port}, answers"

    def open_connection(self, **settings: Any) -> Connection:
        """Open a session, with further settings of the connector."""
        from databricks import sql

        if self.token is not None:
            settings["access_token"] = self.token
        else:
            settings["credentials_provider"] = self._service_principal
        return sql.connect(
            server_hostname=self.host,
            http_path=self.http_path,
            _port=self.port,
            user_agent_entry="lending_club",
            enable_telemetry=False,
            **settings,
        )

    @property
    def secrets(self) -> list[str]:
        """What must not be told to anybody."""
        return [secret for secret in (self.token, self.client_secret) if secret]

    def _service_principal(self) -> Any:
        from databricks.sdk.core import Config, oauth_service_principal

        return oauth_service_principal(
            Config(
                host=f"https://{self.host}:{self.port}",
                client_id=self.client_id,
                client_secret=self.client_secret,
                auth_type="oauth-m2m",
            )
        )


_SETTINGS = ("HOST", "HTTP_PATH", "TOKEN", "CLIENT_ID", "CLIENT_SECRET")


def _host_and_port(text: str) -> tuple[str, int]:
    """``adb-1.2.azuredatabricks.net`` or the address of the workspace as a browser shows it."""
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        host, port = None, 443
    if not host or parts.scheme not in ("", "https"):
        raise WarehouseError(
            "Databricks: DATABRICKS_HOST must be the name of the workspace, such as adb-1.2.azuredatabricks.net."
        )
    return host, port
