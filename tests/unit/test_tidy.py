"""What the core may not do, checked on its syntax: nothing that would make a replay decide otherwise.

Imports between layers are held elsewhere (the import contracts in `pyproject.toml`).
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "router" / "core").rglob("*.py"))
MODULES = sorted(path for package in ("router", "venues") for path in (ROOT / package).rglob("*.py"))
LINES_MAX = 400

UNTOLD = frozenset(
    {
        "asyncio",
        "datetime",
        "logging",
        "os",
        "random",
        "secrets",
        "socket",
        "sys",
        "threading",
        "time",
        "uuid",
    }
)
"""Modules that bring time, chance or the world in; the core is handed what it needs."""
BUILTINS = frozenset({"breakpoint", "eval", "exec", "hash", "id", "input", "open", "print"})
"""Functions that print, read, or answer differently from run to run."""
SET_METHODS = frozenset({"copy", "difference", "intersection", "symmetric_difference", "union"})
ORDERLESS = frozenset({"all", "any", "bool", "frozenset", "len", "max", "min", "set", "sorted"})
"""What may be given a set: the answer does not depend on the order in which it is walked."""

Check = Callable[[ast.Module], Iterator[str]]


def awaits(tree: ast.Module) -> Iterator[str]:
    """Anything asynchronous."""
    kinds = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await)
    for node in ast.walk(tree):
        if isinstance(node, kinds) or (isinstance(node, ast.comprehension) and node.is_async):
            yield f"{getattr(node, 'lineno', '?')}: {type(node).__name__}"


def floats_and_side_effects(tree: ast.Module) -> Iterator[str]:
    """Float literals, the name `float` anywhere, and what hands a function of `BUILTINS` on or calls it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            yield f"{node.lineno}: {node.value}"
        if isinstance(node, ast.Name) and node.id == "float":
            yield f"{node.lineno}: float"
        if isinstance(node, ast.Call):
            for used in (node.func, *node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(used, ast.Name) and used.id in BUILTINS:
                    yield f"{node.lineno}: {used.id}"


def untold_imports(tree: ast.Module) -> Iterator[str]:
    """Imports of the modules in `UNTOLD`, under whatever name."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in UNTOLD:
                yield f"{node.lineno}: {name}"  # type: ignore[attr-defined]  # both kinds have a line


def _last_name(node: ast.expr) -> str | None:
    """`a` of `a`, `b` of `self.b`: what a variable or an attribute is called."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _is_set_type(annotation: ast.expr) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return _last_name(base) in {"set", "frozenset", "Set", "AbstractSet", "MutableSet"}


class _Sets:
    """Which expressions of a module are sets, as far as its own text tells."""

    def __init__(self, tree: ast.Module) -> None:
        self.names: set[str] = set()
        grew = True
        while grew:  # a set may be built from one that stands further down
            before = len(self.names)
            for node in ast.walk(tree):
                self._learn(node)
            grew = len(self.names) > before

    def _learn(self, node: ast.AST) -> None:
        target: ast.expr | None = None
        if isinstance(node, ast.AnnAssign) and _is_set_type(node.annotation):
            target = node.target
        elif isinstance(node, ast.Assign) and self.holds(node.value):
            target = node.targets[0]
        elif isinstance(node, ast.arg) and node.annotation is not None and _is_set_type(node.annotation):
            self.names.add(node.arg)
        name = None if target is None else _last_name(target)
        if name is not None:
            self.names.add(name)

    def holds(self, node: ast.expr) -> bool:
        """Whether an expression is a set."""
        if isinstance(node, (ast.Set, ast.SetComp)):
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)):
            return self.holds(node.left) or self.holds(node.right)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                return node.func.id in {"set", "frozenset"}
            return (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in SET_METHODS
                and self.holds(node.func.value)
            )
        return _last_name(node) in self.names


def walked_sets(tree: ast.Module) -> Iterator[str]:
    """Sets walked in whatever order they happen to have: texts hash differently in every process."""
    sets = _Sets(tree)
    sorted_at_once = {
        id(generator)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _last_name(call.func) in ORDERLESS
        for argument in call.args
        if isinstance(argument, (ast.GeneratorExp, ast.ListComp, ast.SetComp))
        for generator in argument.generators
    }
    for node in ast.walk(tree):
        walked: list[ast.expr] = []
        if isinstance(node, ast.For):
            walked = [node.iter]
        elif isinstance(node, ast.comprehension):
            walked = [] if id(node) in sorted_at_once else [node.iter]
        elif isinstance(node, ast.Starred):
            walked = [node.value]
        elif isinstance(node, ast.Call) and _last_name(node.func) not in ORDERLESS | SET_METHODS:
            # `list(found)`, `",".join(found)`, `enumerate(found)`: a set handed on may be walked there.
            walked = list(node.args)
        for expression in walked:
            if sets.holds(expression) and ast.unparse(expression) != "set()":  # nothing to walk
                yield f"{expression.lineno}: {ast.unparse(expression)}"


def missing_docstrings(tree: ast.Module) -> Iterator[str]:
    """The module, and every public class, function and method in it, that says nothing of itself."""
    if ast.get_docstring(tree) is None:
        yield "1: module"
    pending: list[ast.AST] = [tree]
    while pending:
        for node in ast.iter_child_nodes(pending.pop()):
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                yield f"{node.lineno}: {node.name}"
            if isinstance(node, ast.ClassDef):
                pending.append(node)


CHECKS: list[Check] = [awaits, floats_and_side_effects, untold_imports, walked_sets, missing_docstrings]


def ids(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else getattr(path, "__name__", str(path))


@pytest.mark.parametrize("check", CHECKS, ids=ids)
@pytest.mark.parametrize("path", CORE, ids=ids)
def test_the_core(path: Path, check: Check) -> None:
    assert list(check(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_a_module_is_about_one_thing(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())

    assert lines <= LINES_MAX, f"{path} has {lines} lines: look for the second concept"


def test_there_is_something_to_check() -> None:
    assert {"order.py", "ledger.py", "money.py"} <= {path.name for path in CORE}
    assert len(MODULES) > len(CORE)


# Each check finds what it is for


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (awaits, "async def f(): pass"),
        (awaits, "async def f():\n await g()"),
        (awaits, "async def f():\n return [x async for x in y]"),
        (floats_and_side_effects, "fee = 0.1"),
        (floats_and_side_effects, "x = 1e3"),
        (floats_and_side_effects, "x = float('1')"),
        (floats_and_side_effects, "def f(x: float): pass"),
        (floats_and_side_effects, "print('x')"),
        (floats_and_side_effects, "x = sorted(y, key=hash)"),
        (untold_imports, "import time"),
        (untold_imports, "from time import monotonic as m"),
        (untold_imports, "import datetime as d"),
        (untold_imports, "from os.path import join"),
        (untold_imports, "def f():\n import uuid"),
        (walked_sets, "for x in {1, 2}: pass"),
        (walked_sets, "y = [x for x in {a for a in b}]"),
        (walked_sets, "found = set(b)\nfor x in found: pass"),
        (walked_sets, "for x in found: pass\nfound = frozenset(b)"),
        (walked_sets, "class A:\n def f(self):\n  self._open: set[str] = g()\n  return list(self._open)"),
        (walked_sets, "def f(names: frozenset[str]):\n return ','.join(names)"),
        (walked_sets, "a = {1}\nb = a | c\nd = [*b]"),
        (walked_sets, "a = {1}\nfor x in a.difference(c): pass"),
        (walked_sets, "a = {1}\nx = tuple(y for y in a)"),
        (walked_sets, "a = {1}\nx = sum(y for y in a)"),
        (missing_docstrings, "x = 1"),
        (missing_docstrings, "'''m'''\ndef f(): pass"),
        (missing_docstrings, "'''m'''\nclass A:\n '''a'''\n def f(self): pass"),
        (missing_docstrings, "'''m'''\nclass A: pass"),
    ],
    ids=ids,
)
def test_what_is_untidy_is_found(check: Check, source: str) -> None:
    assert list(check(ast.parse(source)))


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (floats_and_side_effects, "class A:\n id: str\ny = '0.1'\nz = a.float_"),
        (untold_imports, "import decimal\nfrom timely import x\nfrom x import time"),
        (walked_sets, "a = {1}\nfor x in sorted(a): pass"),
        (walked_sets, "a = {1}\nx = sorted(f(y) for y in a)\nz = len(a), max(a), 1 in a"),
        (walked_sets, "a = {'k': 1}\nfor x in a: pass"),
        (walked_sets, "a: set[str] = set()\na.add(x)\na.discard(y)\nb = a.union(c)"),
        (missing_docstrings, "'''m'''\ndef f():\n '''f'''\n def g(): pass\ndef _h(): pass\nclass _A: pass"),
    ],
    ids=ids,
)
def test_what_is_tidy_is_left_alone(check: Check, source: str) -> None:
    assert list(check(ast.parse(source))) == []
