"""Experiments that exist for tests only: as cheap as they can be and still go through every part."""

QUIZ = '''"""Two questions and a judge: three calls a trial."""

from typing import Literal

from pydantic import BaseModel

from trialbed import Experiment, JudgeTask, Scenario, Variant


class Manner(Variant):
    greeting: str


class Tone(BaseModel):
    tone: Literal["warm", "cool", "neutral"]


class Quiz(Experiment):
    name, version, variant = "quiz", "1.0.0", Manner
    needs_judge = True
    headline = "tone"

    def scenarios(self):
        yield Scenario(id="capital", system="Answer briefly.")

    async def converse(self, trial, chat):
        await chat.ask(f"{trial.variant.greeting} What matters most when one answers a question?")
        await chat.ask("And what matters least?")

    async def judge(self, trial, transcript, judges):
        said = f"{transcript.messages[1].text} {transcript.last}"
        task = JudgeTask(name="tone", question="Which tone does it have?", material=said, answer=Tone)
        return [(await judges[0].ask(task)).verdict]


experiment = Quiz()
'''

QUIZ_FILES = {
    "experiments/quiz.py": QUIZ,
    **{
        f"variants/quiz/{name}.toml": f'greeting = "{greeting}"\n'
        for name, greeting in {"baseline": "Tell me.", "polite": "Kindly tell me.", "curt": "Now."}.items()
    },
}
"""Files of a project with three variants of the quiz."""

POLITENESS = '''"""Does politeness change the answer?"""
from trialbed import Chat, Experiment, Scenario, Trial, Variant, Verdict

class Tone(Variant):
    greeting: str

class Politeness(Experiment):
    name, version, variant = "politeness", "1.0.0", Tone
    def scenarios(self): yield Scenario(id="capital", system="Answer in one word.")
    async def converse(self, trial: Trial, chat: Chat) -> None: await chat.ask(f"{trial.variant.greeting} capital of France?")
    async def judge(self, trial, transcript, judges): return [Verdict.of("exact", right="paris" in transcript.last.lower())]

experiment = Politeness()
'''  # noqa: E501
"""The experiment of the design document, as it is written there."""
