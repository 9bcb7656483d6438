"""The one-turn trial as an Inspect task: `inspect eval inspect_task.py -T calls=100`. Run in Inspect's environment."""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message


@task
def one_call(calls: int = 1) -> Task:
    samples = [Sample(id=number, input="What is 17 + 25?", target="42") for number in range(1, calls + 1)]
    return Task(dataset=samples, solver=[system_message("Answer with a number."), generate()], scorer=includes())
