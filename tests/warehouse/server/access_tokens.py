"""Who may call: the server's own token, and those given out for a client's secret by OAuth."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import parse_qs, unquote

_SECONDS = 3600


class AccessTokens:
    """The tokens that are accepted.

    Args:
        token: The personal access token.
        client_id: The service principal's identifier, for OAuth; None for no OAuth.
        client_secret: Its secret.
    """

    def __init__(self, token: str, client_id: str | None = None, client_secret: str | None = None) -> None:
        self._token = token
        self._client = (client_id, client_secret)
        self._issued: dict[str, float] = {}
        self._secret = secrets.token_bytes(32)

    def accepts(self, authorization: str | None) -> bool:
        """Whether the Authorization header carries a token that is good now."""
        token = bearer(authorization)
        return token == self._token or self._issued.get(token or "", 0) > time.time()

    def is_owner(self, authorization: str | None) -> bool:
        """Whether it carries the server's own token."""
        return bearer(authorization) == self._token

    def issue(self, authorization: str | None, form: str, issuer: str) -> dict[str, object] | None:
        """Answer a token request with client credentials, sent by HTTP Basic or in the form; None refuses them."""
        fields = {key: values[0] for key, values in parse_qs(form).items()}
        sent = (fields.get("client_id"), fields.get("client_secret"))
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() == "basic":
            user, _, password = base64.b64decode(encoded).decode().partition(":")
            sent = (unquote(user), unquote(password))
        if fields.get("grant_type") != "client_credentials" or None in self._client or sent != self._client:
            return None
        now = int(time.time())
        token = self._signed({"iss": issuer, "sub": sent[0], "iat": now, "exp": now + _SECONDS, "jti": secrets.token_hex(8)})
        self._issued[token] = now + _SECONDS
        return {"access_token": token, "token_type": "Bearer", "expires_in": _SECONDS, "scope": fields.get("scope", "all-apis")}

    def _signed(self, claims: dict[str, object]) -> str:
        # A JWT, because the connector reads the issuer in it to see whether the token is Databricks' own.
        signed = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{signed}.{_base64(hmac.digest(self._secret, signed.encode(), hashlib.sha256))}"


def bearer(authorization: str | None) -> str | None:
    """The token in an Authorization header; None when it carries none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
