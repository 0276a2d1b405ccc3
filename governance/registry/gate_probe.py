"""Ask a registry whether Fairgate's gate is in it. Tags can be written by anybody; a refusal in its words cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOBODY = "fairgate-asks-whether-the-gate-is-here"
"""The name of a model that does not exist: what is not refused by the gate is refused for that, and writes nothing."""


def has_gate(client: MlflowClient) -> bool | None:
    """Whether a reserved tag is refused by the gate; None where something else, such as access rights, came before."""
    from mlflow.exceptions import MlflowException

    try:
        # This call alone asks for no model before it writes.
        client.set_prompt_version_tag(NOBODY, "1", "governance.state", "?")
    except MlflowException as error:
        if "Fairgate did not change the tag" in str(error):
            return True
        return False if error.error_code == "RESOURCE_DOES_NOT_EXIST" else None
    return False
