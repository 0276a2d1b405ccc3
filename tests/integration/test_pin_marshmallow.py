"""Why marshmallow stays below 4: with it a checkpoint cannot store what an expectation answers as numpy.bool."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import pandas as pd


def test_a_checkpoint_serialises_the_numpy_bool_of_an_expectation() -> None:
    from expectations.custom import BatchExpectation, gx

    class ExpectNumpyAnswer(BatchExpectation):
        metric_dependencies: ClassVar[tuple[str, ...]] = ("table.row_count",)

        def _validate(
            self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
        ) -> dict[str, Any]:
            rows = metrics["table.row_count"]
            return {"success": np.bool_(rows > 0), "result": {"observed_value": rows}}

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("t")
    rows = asset.add_batch_definition_whole_dataframe("rows")
    suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=[ExpectNumpyAnswer()]))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=rows, suite=suite))
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="c", validation_definitions=[definition]))
    result = checkpoint.run(batch_parameters={"dataframe": pd.DataFrame({"a": [1]})})
    assert json.loads(result.describe())["success"] is True


def test_the_pin_holds() -> None:
    assert int(version("marshmallow").split(".")[0]) == 3
