"""Which call does a problem's `input` mean? Pure; nothing is evaluated."""

import ast


def call_of(function_name: str, given: str) -> str:
    """The call's source text: `given` itself if it is one call of that function, else a call with `given` as arguments.

    So `f((1, 2), 3)`, `(1, 2), 3` and `(1, 2), b=3` all stand for a call of `f`, and nothing at all for `f()`.

    Raises:
        ValueError: it is neither, or the name is none.
    """
    if not function_name.isidentifier():
        raise ValueError(f"{function_name!r} is no name of a function")
    text = given.strip()
    if _is_call(function_name, text):
        return text
    # Arguments that end in a comment would hide the parenthesis.
    for call in (f"{function_name}({text})", f"{function_name}(\n{text}\n)"):
        if _is_call(function_name, call):
            return call
    raise ValueError(f"{given!r} is neither a call of {function_name} nor arguments for one")


def _is_call(function_name: str, text: str) -> bool:
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # a text from a file may be anything
        return False
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function_name
