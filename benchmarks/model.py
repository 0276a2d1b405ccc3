"""The model of the scoring benchmark: gradient boosting over ten numeric inputs, saved as MLflow does.

python benchmarks/model.py DATA FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

TRAINED_ON = 50_000


def make(data: Path, folder: Path) -> None:
    """Train on the first rows of `data` and save the model to `folder`."""
    import mlflow
    import pyarrow.parquet as pq
    from mlflow.models import infer_signature
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = next(pq.ParquetFile(data).iter_batches(TRAINED_ON)).to_pandas()
    inputs = rows[[name for name in rows if name.startswith("x")]]
    model = HistGradientBoostingClassifier(max_iter=100, random_state=1).fit(inputs, rows["hired"])
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(inputs, model.predict(inputs)),
        pip_requirements=[],
        serialization_format="cloudpickle",
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
