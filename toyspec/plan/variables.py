"""Which variables a plan takes from whoever runs it."""

from __future__ import annotations

from toyspec.plan.step import Data, Environment, Plan
from toyspec.spec.model import Variable


def variables(plan: Plan) -> set[str]:
    """Their names; those of environment files as the plan has them (`env_file[0].TOKEN`)."""
    found = set[str]()
    for step in plan.steps:
        for argument in step.args:
            value = argument.value
            if isinstance(value, Environment):
                texts = [text for _, text in value.entries]
            elif isinstance(value, Data):
                texts = [value.text]
            else:
                continue
            found |= {part.name for text in texts for part in text if isinstance(part, Variable)}
    return found
