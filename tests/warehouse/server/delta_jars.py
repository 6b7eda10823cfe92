"""Delta Lake's Java archives: fetched once, with Spark's own resolver, and read from a directory after that.

Run as a program, it fetches them into the directory it is given.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

_PACKAGE = "io.delta:delta-spark_4.1_2.13:4.4.0"
_NEEDED = "io.delta_"
# In Spark already, or for Unity Catalog's own servers.
_EXCLUDED = ("org.apache.hadoop:*", "org.apache.parquet:*", "org.apache.logging.log4j:*", "io.unitycatalog:*")


def default_directory() -> Path:
    """Where they are kept: beside this environment's programs."""
    return Path(sys.prefix) / "jars"


def found_in(directory: Path) -> list[Path]:
    """The archives in a directory.

    Raises:
        FileNotFoundError: There are none.
    """
    jars = sorted(directory.glob("*.jar"))
    if not jars:
        raise FileNotFoundError(f"There are no Delta Lake archives in {directory}: run make warehouse-env first")
    return jars


def fetch(directory: Path) -> None:
    """Fetch them from Maven Central into the directory, which is replaced."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = {"spark.jars.packages": _PACKAGE, "spark.jars.excludes": ",".join(_EXCLUDED), "spark.jars.ivy": scratch}
        settings |= {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        SparkSession.builder.master("local[1]").config(map=settings).getOrCreate().stop()
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        # Some of what else it resolves is in Spark, too.
        for jar in Path(scratch, "jars").glob("*.jar"):
            if jar.name.startswith(_NEEDED):
                shutil.copy(jar, directory)
    found_in(directory)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]) if len(sys.argv) > 1 else default_directory())
