"""`fairgate init | validate | audit`: what a data scientist does before and after registering."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audits.result import Verdict
from flows.cli.options import Data, Json
from flows.cli.output import emit, progress, say
from flows.cli.words import UNWATCHED, validation_lines
from flows.settings import Settings, read_settings
from governance.errors import ConfigurationError, Exit, MeasurementError

if TYPE_CHECKING:
    from audits.plan import AuditPlan
    from audits.result import AuditResult
    from expectations.result import DataValidation

Plan = Annotated[Path, typer.Option("--plan", help="The audit plan, a TOML file.")]
ModelFolder = Annotated[Path | None, typer.Option("--model", help="A saved MLflow model's folder.")]
DEFAULT_PLAN = Path("plan.toml")


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("init")(init)
    app.command("validate")(validate)
    app.command("audit")(audit)


def init(
    model: Annotated[str, typer.Argument(help="The name under which the model is or will be registered.")],
    data: Annotated[Path, typer.Option("--data", help="A data file with the label: Parquet or CSV.")],
    folder: ModelFolder = None,
    label: Annotated[str | None, typer.Option("--label", help="The label's column, where you know it.")] = None,
    output: Annotated[Path, typer.Option("--output", help="Where to write the plan.")] = DEFAULT_PLAN,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing plan.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented audit plan from the data's columns and the model's signature. Finish it in five minutes."""
    from audits.model_signature import signature_inputs
    from audits.plan_draft import draft_plan
    from audits.table import columns_summary
    from flows.sources import data_file
    from flows.wiring import utc_now

    if output.exists() and not force:
        raise ConfigurationError(f"{output} exists already; give another --output, or --force to overwrite it")
    inputs = (signature_inputs(folder) or ()) if folder else ()
    columns = columns_summary(data_file(read_settings(), data.as_posix()))
    if not any(column.distinct or column.nulls for column in columns):
        raise MeasurementError(f"{data} has no rows: a plan is drafted from data, give a file that holds some")
    text = draft_plan(
        model, columns, signature_inputs=inputs, source=data.as_posix(), today=utc_now().date(), label=label
    )
    output.write_text(text, encoding="utf-8")
    if as_json:
        emit({"plan": str(output), "to_check": text.count("CHECK") - 1})
        return
    say(f"wrote {output}: read the lines marked CHECK, then try:")
    say(f"  fairgate audit --dry-run --plan {output} --model FOLDER")


def validate(plan: Plan = DEFAULT_PLAN, data: Data = None, folder: ModelFolder = None, as_json: Json = False) -> int:
    """Run the quality gate on the plan's data. Nothing is recorded. Stopped by data quality: exit code 12."""
    settings = read_settings()
    chosen = _plan(plan)
    result = _validation(settings, chosen, data, folder)
    if as_json:
        emit(result)
    else:
        say(*validation_lines(result, str(data or chosen.source), str(settings.quarantine(result.data_digest))))
    return _stop(result)


def audit(
    name: Annotated[str | None, typer.Argument(help="A registered model's name (not with --dry-run).")] = None,
    version: Annotated[str | None, typer.Argument(help="The version's number.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure a saved model and record nothing.")] = False,
    plan: Plan = DEFAULT_PLAN,
    folder: ModelFolder = None,
    data: Data = None,
    as_json: Json = False,
) -> int:
    """Audit a registered version and record it, or (--dry-run) a saved model before registering.

    Exit codes: 13 for an adverse finding, 3 where a feature could not be judged, 12 where the data stopped it.
    """
    if dry_run == bool(name):
        raise ConfigurationError("give NAME VERSION of a registered model, or --dry-run with --plan and --model")
    if dry_run:
        return _dry_run(_plan(plan), folder, data, as_json=as_json)
    if not version:
        raise ConfigurationError(f"which version? fairgate audit {name} VERSION")
    return _registered(str(name), version, data, as_json=as_json)


def _dry_run(plan: AuditPlan, folder: Path | None, data: str | None, *, as_json: bool) -> int:
    from audits.run import audit as measure
    from flows.assess import quality_gate, refuse_future
    from flows.sources import data_file, joined_plan
    from flows.wiring import utc_now

    settings = read_settings()
    refuse_future(plan, utc_now().date())
    if folder is None and plan.asks_model():
        raise ConfigurationError("which model? --model FOLDER (as mlflow saved it), or [data] prediction in the plan")
    source = str(data or plan.source)
    rows = data_file(settings, data or plan.source)
    validation = quality_gate(settings, plan, folder, rows)
    if _stop(validation):
        return _told(settings, validation, None, source, as_json=as_json)
    model = folder if plan.asks_model() else None
    with progress("scoring the model and measuring" if model else "measuring", quiet=as_json) as tell:
        result = measure(joined_plan(settings, plan), rows, model=model, progress=tell)
    if not plan.newer and not as_json:
        say(UNWATCHED)
    return _told(settings, validation, result, source, as_json=as_json)


def _registered(name: str, version: str, data: str | None, *, as_json: bool) -> int:
    from flows.prefect_env import configure

    settings = read_settings()
    configure(settings)
    with progress(f"auditing {name} v{version}", quiet=as_json):
        from flows.audit import audit as flow
        from flows.prefect_runtime import finished

        validation, result = finished(flow(name, version, data, return_state=True))
    return _told(settings, validation, result, data or "the plan's source", as_json=as_json)


def _told(
    settings: Settings, validation: DataValidation, result: AuditResult | None, source: str, *, as_json: bool
) -> int:
    from flows.cli.audit_words import audit_lines

    code = _code(validation, result)
    if as_json:
        emit({"validation": validation, "audit": result, "exit_code": code})
        return int(code)
    say(*validation_lines(validation, source, str(settings.quarantine(validation.data_digest))))
    if result is not None:
        say(*audit_lines(result))
    return int(code)


def _code(validation: DataValidation, result: AuditResult | None) -> Exit:
    """13 for an adverse finding, 3 where a feature could not be judged at all, 12 where the data stopped it, or 0."""
    from flows.cli.audit_words import unmeasured

    if result is None:
        return Exit(_stop(validation))
    if result.with_verdict(Verdict.ADVERSE):
        return Exit.ADVERSE
    return Exit.MEASUREMENT if unmeasured(result) else Exit(_stop(validation))


def _validation(settings: Settings, plan: AuditPlan, data: str | None, folder: Path | None) -> DataValidation:
    from flows.assess import quality_gate
    from flows.sources import data_file

    return quality_gate(settings, plan, folder, data_file(settings, data or plan.source))


def _plan(path: Path) -> AuditPlan:
    from audits.plan_file import read_plan

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the plan {path} cannot be read: {error.strerror}; write one with: fairgate init MODEL --data FILE"
        ) from error
    return read_plan(data, name=str(path))


def _stop(validation: DataValidation) -> int:
    from flows.assess import blocked

    return int(Exit.DATA_QUALITY if blocked(validation) else Exit.DONE)
