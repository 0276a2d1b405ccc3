"""One engine, one importing module: read from the source, so that imports inside functions count too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("audits", "expectations", "governance", "reports", "flows")

# engine -> the modules that may import it
ALLOWED = {
    "fairlearn": {"audits/disaggregate.py"},
    "aif360": {"audits/crosscheck.py", "audits/subset_scan.py", "flows/demo/models.py"},
    "duckdb": {"audits/table.py", "expectations/counts.py"},
    "sqlalchemy": {
        *(f"governance/database/{name}.py" for name in ("address", "pool", "port", "postgres", "sqlite", "told")),
        *(f"governance/ledger/{name}.py" for name in ("schema", "schema_postgres", "schema_sqlite")),
        *(f"governance/ledger/{name}.py" for name in ("catalogue_postgres", "snapshot", "sql", "writing")),
        "governance/accounts.py",
        "governance/accounts_factors.py",
        "governance/accounts_schema.py",
        "governance/reading.py",
        "governance/identities.py",
        "governance/accounts_resets.py",
        "governance/api_tokens.py",
        "governance/migrations/__init__.py",
        "governance/registry/store_plugin.py",
        "governance/registry/backstop.py",
        "governance/registry/postgres_grants.py",
    },
    "alembic": {
        "governance/migrations/__init__.py",
        "governance/migrations/env.py",
        "governance/migrations/accounts/0001_first.py",
        "governance/migrations/accounts/0002_second_factors.py",
        "governance/migrations/accounts/0003_reading.py",
        "governance/migrations/accounts/0004_single_sign_on.py",
        "governance/migrations/accounts/0005_api_tokens.py",
        "governance/migrations/accounts/0006_password_resets.py",
        "governance/migrations/ledger/0001_first.py",
    },
    "mlflow": {
        "governance/registry/gate_probe.py",
        "governance/registry/mlflow_registry.py",
        "governance/registry/store_plugin.py",
        "governance/registry/backstop.py",
        "governance/registry/artifact_bytes.py",
        "governance/registry/artifact_plugin.py",
        "audits/evaluator.py",
        "audits/scoring_child.py",
        "audits/spark_scoring.py",
        "flows/demo/models.py",
        "flows/demo/shortcut.py",
    },
    "great_expectations": {"expectations/custom.py", "expectations/run.py", "expectations/suites/classification.py"},
    "prefect": {
        *(f"flows/{name}.py" for name in ("validate", "audit", "release", "nightly", "reconcile")),
        "flows/prefect_runtime.py",
        "flows/cli/schedules.py",
    },
    "vl_convert": {"reports/charts.py"},
    "weasyprint": {"reports/press.py"},
    "matplotlib": set(),
    "pyspark": {"audits/spark_source.py"},
    "narwhals": {"audits/spark_scan.py", "audits/row_expressions.py"},
    "adbc_driver_postgresql": {"audits/postgres.py"},
    "psycopg": {
        "governance/registry/postgres_guard.py",
        "governance/registry/postgres_check.py",
    },
    "argon2": {"governance/accounts.py"},
    "pyotp": {"governance/second_factor.py"},
    "webauthn": {"governance/passkey.py"},
    "segno": {"reports/codes.py"},
    "apprise": {"flows/telling.py"},
    "authlib": {"reports/console/openid.py"},
    "joserfc": {"reports/console/openid.py"},
}


def _sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("engine", sorted(ALLOWED))
def test_an_engine_is_imported_where_the_design_says_and_nowhere_else(engine: str) -> None:
    importers = {str(path.relative_to(ROOT)) for path in _sources() if engine in _imports(path)}
    assert importers <= ALLOWED[engine]


def test_files_stay_under_400_lines_and_functions_under_50() -> None:
    long = []
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long.append(f"{path.relative_to(ROOT)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.body[0].lineno + 1
                if length > 50:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines")
    assert long == []
