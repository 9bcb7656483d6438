"""What is the model asked? Programs stand in the prompt as they stand in the data, A before B."""

CALLED = "Which value does this call return?"
CHOOSE = "Choose the one whose result you are surer of, and say which value this call returns when that one runs it:"


def prediction_prompt(code: str, call: str, instruction: str) -> str:
    return (
        f"Here is a Python program.\n\n{_fenced(code)}\n\n{CALLED}\n\n{call}\n\n{instruction} Nothing is run for you. "
        "End with one assertion between [ANSWER] and [/ANSWER] whose right side is a Python literal, like this:\n\n"
        "[ANSWER]\nassert add(1, 2) == 3\n[/ANSWER]"
    )


def choice_prompt(a: str, b: str, call: str, instruction: str) -> str:
    return (
        f"Here are two versions of a Python program.\n\nProgram A:\n\n{_fenced(a)}\n\nProgram B:\n\n{_fenced(b)}\n\n"
        f"{CHOOSE}\n\n{call}\n\n{instruction} Nothing is run for you. End with a JSON object of this form, in which "
        "the right side of the assertion is a Python literal:\n\n"
        '{"chosen_program": "A", "assertion": "assert add(1, 2) == 3"}'
    )


def _fenced(code: str) -> str:
    return f"```python\n{code}{'' if code.endswith(chr(10)) else chr(10)}```"
