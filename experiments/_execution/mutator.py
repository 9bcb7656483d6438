"""Which programs are one edit away from a program? Pure: the same text gives the same mutants in the same order.

A mutant differs in one place; everything else, comments and spacing too, stays what it was. Kinds of edits:

- `arithmetic`: `+`↔`-`, `*`↔`//`, `%`→`//`, `/`→`*`, `**`→`*`, `<<`↔`>>`, `&`↔`|`, `^`→`&`; the same for `+=` and kin.
- `relational`: `<`↔`<=` and `>`↔`>=`; `<`→`>=`, `<=`→`>`, `>`→`<=`, `>=`→`<`; `==`↔`!=`; `in`↔`not in`; `is`↔`is not`.
- `logical`: `and`↔`or`; a `not` dropped; a `not` put before the condition of an `if`, a `while` or a comprehension, if
  that is one name, call, comparison, item or attribute, so that the `not` is for all of it.
- `keyword`: `True`↔`False`; `break`↔`continue`; the builtins `min`↔`max` and `any`↔`all`, unless the program gives the
  name a meaning of its own; the methods `upper`↔`lower`, `startswith`↔`endswith`, `lstrip`↔`rstrip`, `find`↔`rfind`,
  `index`↔`rindex`.
- `number`: a decimal number one larger or one smaller, its fraction kept; never below zero, for that would be a sign
  more.

Decorators, annotations and f-strings are left alone: the first two seldom change a result, and Python 3.11 does not say
where in an f-string an expression stands.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

Kind = Literal["arithmetic", "relational", "logical", "keyword", "number"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_ARITHMETIC: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"),
}
_RELATIONAL: Mapping[str, tuple[str, ...]] = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "in": ("not in",),
    "not in": ("in",),
    "is": ("is not",),
    "is not": ("is",),
}
_BUILTINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_METHOD_PAIRS = (
    ("upper", "lower"),
    ("startswith", "endswith"),
    ("lstrip", "rstrip"),
    ("find", "rfind"),
    ("index", "rindex"),
)
_METHODS = {one: other for pair in _METHOD_PAIRS for one, other in (pair, pair[::-1])}
_UNIT = (ast.Name, ast.Call, ast.Compare, ast.Subscript, ast.Attribute)
_BETWEEN = re.compile(r"#[^\n]*|\\\r?\n|[\s()]+|(?P<operator>not\s+in\b|is\s+not\b|[a-z]+|[^\s\w()#\\]+)")
_NUMBER = re.compile(r"([0-9]+)((?:\.[0-9]*)?)")


@dataclass(frozen=True, slots=True, order=True)
class Mutation:
    """One edit: at `start`, an offset in characters, stands `before`, and the mutant has `after` there.

    `line` counts from 1, `column` from 0 and in characters. `before` is empty where something is put in, `after` where
    something is dropped.
    """

    start: int
    kind: Kind
    after: str
    before: str
    line: int
    column: int

    def info(self) -> dict[str, str | int]:
        """A problem's `mutation_info`."""
        return {
            "mutation_type": self.kind,
            "line": self.line,
            "column": self.column,
            "before": self.before,
            "after": self.after,
        }


def mutations(program: str) -> tuple[Mutation, ...]:
    """Every edit that there is, in the order of their places, then kinds, then what would stand there.

    Raises:
        SyntaxError: it is no Python; ValueError: nor even text that could be, or its lines end as on no system today.
    """
    if "\r" in program.replace("\r\n", ""):
        raise ValueError("a carriage return stands alone")
    return tuple(sorted(set(_Places(program).all())))


def mutant(program: str, mutation: Mutation) -> str:
    """The program with that edit.

    Raises:
        ValueError: what the edit replaces does not stand where it says.
    """
    end = mutation.start + len(mutation.before)
    if program[mutation.start : end] != mutation.before:
        raise ValueError(f"line {mutation.line} of the program: there is no {mutation.before!r} at {mutation.column}")
    return program[: mutation.start] + mutation.after + program[end:]


class _Places:
    """Where in one text the edits are. A syntax tree knows operands, so an operator is found between them."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._tree = ast.parse(program)
        self._lines = program.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._own_names = frozenset(_bound(self._tree))

    def all(self) -> Iterator[Mutation]:
        for node in _edited_nodes(self._tree):
            yield from self._at(node)

    def _at(self, node: ast.AST) -> Iterator[Mutation]:
        yield from self._of_operator(node)
        yield from self._of_word(node)
        match node:
            case ast.If(test) | ast.While(test) | ast.IfExp(test):
                yield from self._with_not(test)
            case ast.comprehension(_, _, tests):
                for test in tests:
                    yield from self._with_not(test)

    def _of_operator(self, node: ast.AST) -> Iterator[Mutation]:
        match node:
            case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
                sign, other = _ARITHMETIC[type(operator)]
                yield from self._between(left, right, "arithmetic", {sign: (other,)})
            case ast.AugAssign(target, operator, value) if type(operator) in _ARITHMETIC:
                sign, other = _ARITHMETIC[type(operator)]
                yield from self._between(target, value, "arithmetic", {f"{sign}=": (f"{other}=",)})
            case ast.Compare(left, _, comparators):
                for one, following in pairwise([left, *comparators]):
                    yield from self._between(one, following, "relational", _RELATIONAL)
            case ast.BoolOp(_, values):
                for one, following in pairwise(values):
                    yield from self._between(one, following, "logical", {"and": ("or",), "or": ("and",)})
            case ast.UnaryOp(ast.Not(), operand):
                yield from self._without_not(node, operand)

    def _of_word(self, node: ast.AST) -> Iterator[Mutation]:
        match node:
            case ast.Constant(value):
                yield from self._constant(node, value)
            case ast.Break():
                yield self._edit(self._start(node), "keyword", "break", "continue")
            case ast.Continue():
                yield self._edit(self._start(node), "keyword", "continue", "break")
            case ast.Call(function):
                yield from self._function(function)

    def _between(
        self, left: ast.expr, right: ast.expr, kind: Kind, table: Mapping[str, tuple[str, ...]]
    ) -> list[Mutation]:
        end_of_left, start_of_right = self._end(left), self._start(right)
        for found in _BETWEEN.finditer(self._program, end_of_left, start_of_right):
            if found["operator"]:
                sign = " ".join(found["operator"].split())
                return [self._edit(found.start(), kind, found["operator"], after) for after in table.get(sign, ())]
        return []

    def _without_not(self, node: ast.expr, operand: ast.expr) -> Iterator[Mutation]:
        start = self._start(node)
        found = re.compile(r"not\b[ \t]*").match(self._program, start)
        if found and found.end() <= self._start(operand):
            yield self._edit(start, "logical", found[0], "")

    def _with_not(self, test: ast.expr) -> Iterator[Mutation]:
        if isinstance(test, _UNIT):
            yield self._edit(self._start(test), "logical", "", "not ")

    def _constant(self, node: ast.expr, value: object) -> Iterator[Mutation]:
        text = self._program[self._start(node) : self._end(node)]
        if isinstance(value, bool):
            yield self._edit(self._start(node), "keyword", text, str(not value))
        elif isinstance(value, int | float) and (number := _NUMBER.fullmatch(text)):
            whole, fraction = int(number[1]), number[2]
            for other in (whole - 1, whole + 1):
                if other >= 0:
                    yield self._edit(self._start(node), "number", text, f"{other}{fraction}")

    def _function(self, function: ast.expr) -> Iterator[Mutation]:
        match function:
            case ast.Name(name) if name in _BUILTINS and name not in self._own_names:
                yield self._edit(self._start(function), "keyword", name, _BUILTINS[name])
            case ast.Attribute(_, name) if name in _METHODS:
                yield self._edit(self._end(function) - len(name), "keyword", name, _METHODS[name])

    def _edit(self, start: int, kind: Kind, before: str, after: str) -> Mutation:
        before_it = self._program[:start]
        line_start = before_it.rfind("\n") + 1
        return Mutation(start, kind, after, before, before_it.count("\n") + 1, start - line_start)

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._offset(node.lineno, node.col_offset)

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """A tree counts columns in bytes of UTF-8, a text in characters."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _edited_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    todo = [tree]  # no recursion: a long sum is a deep tree
    while todo:
        node = todo.pop()
        yield node
        for name, field in ast.iter_fields(node):
            if name not in ("annotation", "returns", "decorator_list"):
                children = field if isinstance(field, list) else [field]
                todo += [it for it in children if isinstance(it, ast.AST) and not isinstance(it, ast.JoinedStr)]


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that the program itself gives a meaning somewhere."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Store() | ast.Del()) | ast.arg(name):
                yield name
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.alias(name, as_name):
                yield as_name or name
