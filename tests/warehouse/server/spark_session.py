"""The Spark session with Delta Lake that does the work, with the catalog `workspace` in it."""

import contextlib
import logging
import os
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

CATALOG = "workspace"
USER = "tester@example.com"
_DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


def start_spark(root: Path, jars: list[Path], memory: str = "4g") -> SparkSession:
    """Start Spark in this process, on two cores, with all its files under `root`."""
    # Spark tells every failed statement to these loggers, on standard error; the client is told anyhow.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).disabled = True
    os.environ["SPARK_USER"] = USER
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # A HADOOP or SPARK installation of the machine is not to have a say.
    for name in ("SPARK_HOME", "SPARK_CONF_DIR", "HADOOP_CONF_DIR", "PYSPARK_SUBMIT_ARGS"):
        os.environ.pop(name, None)
    log_settings = root / "log4j2.properties"
    # Without any appender Spark would take its own settings.
    log_settings.write_text(
        "appender.none.type = Null\nappender.none.name = none\nrootLogger.level = off\nrootLogger.appenderRef.none.ref = none\n"
    )
    java_options = [
        "-Xss4m",  # deep plans recurse deeply
        "-XX:+UseSerialGC",
        "-Duser.timezone=UTC",
        f"-Dlog4j2.configurationFile={log_settings.as_uri()}",
        f"-Dderby.system.home={root}",
        f"-Djava.io.tmpdir={_made(root / 'tmp')}",
    ]
    settings = {
        "spark.jars": ",".join(str(jar) for jar in jars),
        "spark.driver.memory": memory,
        "spark.driver.maxResultSize": "0",
        "spark.driver.extraJavaOptions": " ".join(java_options),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(_made(root / "spark")),
        "spark.log.level": "OFF",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Delta Lake, reached by three-part names.
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": _DELTA_CATALOG,
        f"spark.sql.catalog.{CATALOG}": _DELTA_CATALOG,
        "spark.sql.warehouse.dir": str(_made(root / "tables")),
        "spark.sql.sources.default": "delta",
        # As a SQL warehouse has it.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.storeAssignmentPolicy": "ANSI",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.decimalOperations.allowPrecisionLoss": "true",
        "spark.sql.legacy.keepCommandOutputSchema": "true",
        # Small data, quickly.
        "spark.default.parallelism": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    }
    builder = SparkSession.builder.master("local[2]").appName("test-warehouse")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def new_session(spark: SparkSession) -> SparkSession:
    """A session of its own settings, current schema and temporary views, over the same tables."""
    session = spark.newSession()
    # Only the catalog named spark_catalog is given the tables. The one named workspace is made the same by giving it
    # what the other was given; as a catalog that extends the session's, it calls itself spark_catalog, so views work.
    # A catalog is loaded with the settings of the thread's active session.
    session._jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(session._jsparkSession)
    manager = session._jsparkSession.sessionState().catalogManager()
    field = manager.getClass().getDeclaredField("defaultSessionCatalog")
    field.setAccessible(True)
    manager.catalog(CATALOG).setDelegateCatalog(field.get(manager))
    session.sql(f"USE {CATALOG}.default")
    return session


def stop_spark(spark: SparkSession) -> None:
    """Stop Spark and wait for its Java process to end."""
    process = spark.sparkContext._gateway.proc
    # A signal to the whole process group has ended Java already.
    with contextlib.suppress(Py4JError, OSError):
        spark.stop()
    process.stdin.close()
    process.wait(10)


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
