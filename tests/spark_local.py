"""A real Spark on two processors for tests, started once for a module: a Java machine takes seconds to start."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PANDAS_WARNING = "ignore:PySpark does not yet fully support pandas:FutureWarning"
"""PySpark says so of pandas 3 whenever it hands over Arrow batches too; what is used of it here is tested here."""


def absent() -> str | None:
    """Why there is no Spark here; None where there is one."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (the extra fairgate[spark])"
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        return "there is no Java runtime"
    return None


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An active session of local[2] with a catalogue of its own."""
    folder: Path = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = _session(folder)
        yield session
        session.stop()


def _session(folder: Path) -> Any:
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[2]").appName("fairgate tests")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
