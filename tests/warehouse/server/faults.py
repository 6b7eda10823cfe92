"""Faults on demand: rules that say which requests go wrong, how, and how often."""

import dataclasses
import re
import threading
import time
from typing import Any, Literal, get_args

from tests.warehouse.server.sql_error import SqlError

Kind = Literal["status", "cut_before", "cut_after", "starting", "delay", "expire_token", "fail", "lose_session"]


@dataclasses.dataclass
class Rule:
    """A fault and the requests it befalls.

    Attributes:
        do: What happens: `status` answers with the HTTP status `code`, `cut_before` and `cut_after` cut the connection
            before and after the work is done, `starting` answers 503 for `seconds` from the first time on, `delay` waits
            `seconds` and goes on, `expire_token` answers 403, `fail` lets the statement fail with `message`,
            `lose_session` closes the session first.
        on: The Thrift method, or put, get, remove, cloudfetch or token; None for every Thrift method.
        matching: A regular expression to be found in the statement, or in the path of a volume's file; methods that
            carry an operation handle are matched by the statement they are about.
        skip: So many matching requests are let through first.
        times: It happens so many times; None for always. `starting` and, with None, `expire_token` do not count:
            the first ends with its `seconds`, the second lasts for the tokens seen.
        code: The HTTP status for `status`.
        retry_after: The header Retry-After for `status` and `starting`.
        seconds: See `do`.
        message: The message for `fail` and `status`.
        sqlstate: The SQLSTATE for `fail`.
        over_http: `lose_session` answers with HTTP status 400, as Databricks also does, instead of in the Thrift answer.
    """

    do: Kind
    on: str | None = None
    matching: str | None = None
    skip: int = 0
    times: int | None = 1
    code: int = 503
    retry_after: float | None = None
    seconds: float = 0
    message: str = "TEMPORARILY_UNAVAILABLE: a fault on demand"
    sqlstate: str = "XX000"
    over_http: bool = False

    seen: int = dataclasses.field(default=0, init=False)
    applied: int = dataclasses.field(default=0, init=False)
    since: float | None = dataclasses.field(default=None, init=False)
    tokens: set[str] = dataclasses.field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        if self.do not in get_args(Kind):
            raise ValueError(f"do: {self.do!r} is none of {', '.join(get_args(Kind))}")
        re.compile(self.matching or "")

    def befalls(self, event: str, is_thrift: bool, text: str | None, token: str | None) -> bool:
        """Whether it happens to this request, which counts as one that was seen."""
        if self.do == "expire_token" and token in self.tokens:
            return True
        if self.on != event if self.on else not is_thrift:
            return False
        if self.matching is not None and (text is None or not re.search(self.matching, text, re.IGNORECASE | re.DOTALL)):
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        if self.do == "starting":
            self.since = self.since or time.monotonic()
            return time.monotonic() < self.since + self.seconds
        if self.do == "expire_token" and self.times is None:
            # The token is dead for good, one got anew is not.
            if self.tokens or token is None:
                return False
            self.tokens.add(token)
            return True
        return self.times is None or self.applied < self.times


class Faults:
    """The rules in force, and the statements that are not permitted."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.denied: list[str] = []
        self._lock = threading.Lock()

    def set_rules(self, rules: list[dict[str, Any]]) -> None:
        """Replace the rules.

        Raises:
            ValueError: A rule is none.
        """
        try:
            made = [Rule(**rule) for rule in rules]
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from error
        with self._lock:
            self.rules = made

    def set_denied(self, patterns: list[str]) -> None:
        """Replace the patterns of the statements that are not permitted.

        Raises:
            ValueError: One is no regular expression.
        """
        try:
            for pattern in patterns:
                re.compile(pattern)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from error
        with self._lock:
            self.denied = list(patterns)

    def clear(self) -> None:
        """Let all go well again."""
        self.set_rules([])
        self.set_denied([])

    def pick(self, event: str, is_thrift: bool, text: str | None, token: str | None) -> Rule | None:
        """The first rule that befalls a request, counted as applied."""
        with self._lock:
            for rule in self.rules:
                if rule.befalls(event, is_thrift, text, token):
                    rule.applied += 1
                    return rule
        return None

    def check_permitted(self, statement: str) -> None:
        """Refuse a statement that is denied.

        Raises:
            SqlError: It is.
        """
        for pattern in self.denied:
            if re.search(pattern, statement, re.IGNORECASE | re.DOTALL):
                text = f"User does not have the privilege for this statement (denied by the pattern {pattern!r})."
                raise SqlError(f"[UNAUTHORIZED_ACCESS] Unauthorized access:\nPERMISSION_DENIED: {text}", "42501")

    def as_json(self) -> list[dict[str, Any]]:
        """The rules with how often each was seen and applied."""
        with self._lock:
            shown = [dataclasses.asdict(rule) for rule in self.rules]
        return [{key: value for key, value in rule.items() if key not in ("tokens", "since")} for rule in shown]
