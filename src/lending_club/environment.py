"""Settings of the machine: environment variables, filled in from ``.env`` and ``conf/local/credentials.yml``."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from lending_club.errors import ParameterError

# Each names a file that holds a secret, as containers are given them: the value of the variable without _FILE.
_SECRET_FILES = (
    "DATABRICKS_TOKEN_FILE",
    "DATABRICKS_CLIENT_SECRET_FILE",
    "LENDING_CLUB_LINEAGE_TOKEN_FILE",
    "LENDING_CLUB_NOTIFY_FILE",
)


def environment(name: str, default: str) -> str:
    """For ``${env:NAME,default}``: an environment variable; one that is set to nothing counts as not set."""
    return os.environ.get(name) or default


class ConfigLoader(OmegaConfigLoader):
    """Kedro's, which first fills in the environment, so that every setting has one place where it is read.

    It reads each part of the configuration once; Kedro's reads the files again whenever somebody asks. Where the working
    directory has no configuration of its own it takes the one that the package brings; an environment that is in ``./conf``
    goes before one of the same name there.

    Args:
        conf_source: Directory of the configuration.
        env: Kedro's environment.
        runtime_params: Kedro's.
        options: Kedro's.

    Raises:
        ParameterError: The directory has no ``base``, and is not the working directory's.
    """

    def __init__(
        self, conf_source: str, env: str | None = None, runtime_params: dict[str, Any] | None = None, **options: Any
    ) -> None:
        supplement_environment(Path(conf_source))
        self._own = Path(conf_source)
        if not (self._own / "base").is_dir():
            if self._own.absolute() != Path.cwd() / "conf":
                raise ParameterError(
                    f"{conf_source}: there is no directory base in it. Name one that has the whole configuration."
                )
            conf_source = str(shipped_configuration())
            if env is None and not (self._own / "local").is_dir():
                env = options["base_env"]
        super().__init__(conf_source, env, runtime_params, **options)

    def _get_conf_env_path(self, env: str) -> str:
        own = self._own / env
        return str(own) if own.is_dir() else str(super()._get_conf_env_path(env))

    def __getitem__(self, key: str) -> dict[str, Any]:
        """A part of the configuration, such as ``parameters``."""
        if key not in self:
            self[key] = super().__getitem__(key)
        return copy.deepcopy(super().__getitem__(key))


def shipped_configuration() -> Path:
    """The configuration that the package brings; of a package that is installed from a clone, the clone's."""
    package = Path(__file__).parent
    shipped = package / "conf"
    return shipped if shipped.is_dir() else package.parent.parent / "conf"


def supplement_environment(conf_source: Path) -> None:
    """Set the environment variables that are not set yet and that a file gives.

    First come secrets in files of their own, such as the one that ``DATABRICKS_TOKEN_FILE`` names, then ``.env`` beside the
    configuration, then ``databricks:`` in ``local/credentials.yml``, whose keys are ``host``, ``http_path``, ``token``,
    ``client_id`` and ``client_secret``.

    Args:
        conf_source: The directory of the configuration.

    Raises:
        ParameterError: A file cannot be read. The message says where, and tells nothing of what stands there.
    """
    dotenv, credentials = conf_source.parent / ".env", conf_source / "local" / "credentials.yml"
    values: dict[str, Any] = {}
    if credentials.is_file():
        values |= {f"DATABRICKS_{key.upper()}": value for key, value in _databricks(credentials).items()}
    if dotenv.is_file():
        from dotenv import dotenv_values

        values |= dotenv_values(dotenv)
    # The setting that names a file may itself stand in .env.
    files = {name: os.environ.get(name) or values.get(name) for name in _SECRET_FILES}
    secrets = {name.removesuffix("_FILE"): _secret(name, Path(path)) for name, path in files.items() if path}
    values |= {name: secret for name, secret in secrets.items() if secret}
    for name, value in values.items():
        if value is not None and not os.environ.get(name):
            os.environ[name] = str(value)


def _secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not text in UTF-8").lower()
        raise ParameterError(f"{path}, which {name} names, cannot be read: {reason}. Correct or unset {name}.") from None


def _databricks(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        found = content.get("databricks") or {}
        return dict(found)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ParameterError(
            f"{where}: cannot be read. It must be YAML of the form 'databricks: {{host: ..., http_path: ..., token: ...}}'."
        ) from None
