"""By which variable is a parameter of a call set, and how is it left to the model? Pure."""

from trialbed.core.model import Role


def unset(name: str) -> str:
    """How a variable, or a command's option, is made to leave its parameter to the model."""
    if name in _SWITCHES:
        return f"leave {name} out"
    return f"set {name} none" if name.startswith("--") else f"set {name}= empty"


_SWITCHES = ("--enable-thinking", "--thinking-budget-tokens", "--latency-profile")


def variables_of(role: Role) -> dict[str, str]:
    """Parameter of a model in this role, as records name it -> the variable that sets it."""
    return VARIABLES | (_OF_STUDENTS if role == "student" else {})


VARIABLES = {
    "temperature": "MODEL_TEMPERATURE",
    "top_p": "MODEL_TOP_P",
    "max_tokens": "MODEL_MAX_TOKENS",
    "thinking": "MODEL_THINKING",
    "effort": "MODEL_EFFORT",
    "guardrail": "BEDROCK_GUARDRAIL",
    "service_tier": "BEDROCK_SERVICE_TIER",
    "latency": "BEDROCK_LATENCY",
    "prompt_cache": "BEDROCK_PROMPT_CACHE",
}
"""Parameter, as records name it -> the variable that sets it."""
_OF_STUDENTS = {"temperature": "RUNNER_STUDENT_TEMPERATURE"}
