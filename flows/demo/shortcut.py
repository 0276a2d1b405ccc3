"""What a hurried data scientist tries, with plain MLflow and nothing else: `python -m flows.demo.shortcut 1`."""

from __future__ import annotations

import sys

from flows.demo.models import MODEL, quiet

REGISTRY = "sqlite:///mlflow.db"
ALIAS = "champion"


def main(arguments: list[str]) -> None:
    """Move the alias to the version named by the only argument; MLflow's refusal is printed as it comes."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m flows.demo.shortcut VERSION")
    with quiet():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(tracking_uri=REGISTRY, registry_uri=f"governed:{REGISTRY}")
        try:
            client.set_registered_model_alias(MODEL, ALIAS, arguments[0])
        except MlflowException as error:
            sys.stdout.write(f"MLflow answers {error.error_code}: {error.message}\n")
            return
    raise SystemExit(f"the alias {ALIAS} was moved past the gate")


if __name__ == "__main__":
    main(sys.argv[1:])
