"""The least that is an experiment: one call, judged by code."""

QUESTION = "17 + 25?"
"""Stands in every request that is work, and in none of the small calls a program makes before it."""

SYSTEM = "Answer with a number."

ONE_CALL = f'''"""One question, one answer, no judge."""

from trialbed import Experiment, Scenario, Variant, Verdict


class Wording(Variant):
    words: str


class OneCall(Experiment):
    name, version, variant = "one_call", "1.0.0", Wording

    def scenarios(self):
        yield Scenario(id="sum", system="{SYSTEM}")

    async def converse(self, trial, chat):
        await chat.ask(f"{{trial.variant.words}} {QUESTION}")

    async def judge(self, trial, transcript, judges):
        return [Verdict.of("exact", right="42" in transcript.last)]


experiment = OneCall()
'''

ONE_CALL_FILES = {
    "experiments/one_call.py": ONE_CALL,
    "variants/one_call/baseline.toml": 'words = "What is"\n',
    "variants/one_call/curt.toml": 'words = "Now: how much is"\n',
}
ONE_CALL_VARIANTS = 2
