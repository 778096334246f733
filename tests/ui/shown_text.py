"""Reads the source of the pages for what they show as markdown that is neither the program's own words nor escaped.

Words are the program's own if they are written there, as a constant or in a table named in capitals. What is put among
them must be a number, by a format that only numbers have, or escaped. A function that shows a parameter is a showing
function, too, whose calls are looked at; one that returns words is looked into.
"""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

Function = ast.FunctionDef | ast.Lambda

NUMBER = re.compile(r"[+\- ]?[\d<>=^]*[,_]?(\.\d*)?[,deEfFgGn%]")
"""What a format ends with that texts refuse."""

TABLE = re.compile(r"_?[A-Z][A-Z0-9_]*")
NUMBERS = {"len", "int", "float", "round", "abs", "sum", "range", "bool", "hash"}
GATHERING = {
    "str",
    "list",
    "tuple",
    "sorted",
    "set",
    "dict",
    "reversed",
    "zip",
    "enumerate",
    "next",
    "min",
    "max",
    "map",
}
OF_TEXTS = {
    *("join", "lower", "upper", "capitalize", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace"),
    *("partition", "rpartition", "split", "items", "values", "keys", "get", "copy"),
}
"""Methods that return a part of what they are called on, or of their arguments."""

PARTS: dict[type[ast.expr], tuple[str, ...]] = {
    ast.Constant: (),
    ast.Compare: (),
    ast.UnaryOp: (),
    ast.BinOp: ("left", "right"),
    ast.BoolOp: ("values",),
    ast.IfExp: ("body", "orelse"),
    ast.Tuple: ("elts",),
    ast.List: ("elts",),
    ast.Set: ("elts",),
    ast.Dict: ("keys", "values"),
    ast.ListComp: ("elt",),
    ast.SetComp: ("elt",),
    ast.GeneratorExp: ("elt",),
    ast.DictComp: ("key", "value"),
    ast.NamedExpr: ("value",),
    ast.Starred: ("value",),
    ast.Subscript: ("value",),
    ast.Lambda: ("body",),
}
"""Fields of expressions whose values are shown where the expression is: what is compared with another is not."""

ADDING = {"append", "extend", "insert", "add", "update"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a text depends on: the parameter of a function."""

    function: Function
    name: str


Leaf = ast.expr | Parameter
"""What has to be looked at yet: an expression that is not known to be ours, or a parameter, which callers decide."""


def rendered_parameters() -> dict[str, set[str]]:
    """Return the parameters of each function of Streamlit that are shown as markdown, by what their documentation says.

    Where the options of a control are, what its ``format_func`` returns is.
    """
    found: dict[str, set[str]] = {}
    for name in (name for name in dir(st) if not name.startswith("_") and name != "navigation"):
        text = re.split(r"\n(?:Returns|Examples?|Notes?)\n-", inspect.getdoc(getattr(st, name)) or "")[0]
        parts = re.split(r"(?m)^(\*{0,2}\w+) : .*$", text)
        shown = {parts[k].strip("*") for k in range(1, len(parts) - 1, 2) if "arkdown" in parts[k + 1]}
        if shown and callable(getattr(st, name)):
            found[name] = shown
    return found


@dataclass(slots=True)
class Module:
    """A module: its tree, what stands around each node, and what its names mean that it imports."""

    name: str
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            self.parents |= dict.fromkeys(ast.iter_child_nodes(node), node)
            if isinstance(node, ast.ImportFrom):
                self.imported |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                self.imported |= {alias.asname or alias.name: alias.name for alias in node.names}


class ShownText:
    """The text that modules show.

    Args:
        modules: sources by dotted name: those that show, and those whose functions they ask for words.
        escaping: dotted names of functions that return their argument escaped.
        trusted: dotted names of functions whose words are ours if their first argument is.
        rendered: parameters of Streamlit's functions, by name, that show markup; those that show markdown if left out.
    """

    def __init__(
        self,
        modules: Mapping[str, ast.Module],
        escaping: Iterable[str],
        trusted: Iterable[str] = (),
        rendered: Mapping[str, set[str]] | None = None,
    ) -> None:
        self.modules = {name: Module(name, tree) for name, tree in modules.items()}
        self.module_of = {node: one for one in self.modules.values() for node in ast.walk(one.tree)}
        self.functions = {
            f"{one.name}.{node.name}": node
            for one in self.modules.values()
            for node in one.tree.body
            if isinstance(node, ast.FunctionDef)
        }
        self.escaping, self.trusted = set(escaping), set(trusted)
        self.rendered = rendered_parameters() if rendered is None else rendered
        self.bound: dict[ast.expr, list[Any]] = {}
        self.nodes: dict[ast.AST, list[ast.AST]] = {}
        self.known: dict[ast.AST, list[Leaf]] = {}

    def unescaped(self, modules: Iterable[str]) -> list[str]:
        """Return where ``modules`` show a text that is not known to be ours, each with its line and its expression."""
        calls = [node for name in modules for node in ast.walk(self.modules[name].tree) if isinstance(node, ast.Call)]
        called = {self._function(self._called(call)[0]) for call in calls}
        shown: dict[Function, set[str]] = {}
        found: dict[str, None] = {}
        todo = True
        while todo:
            todo = False
            for call in calls:
                for leaf in self._shown_by(call, shown):
                    if not isinstance(leaf, Parameter):
                        found[self._said(leaf)] = None
                    elif leaf.function not in called:
                        found[self._said(call, f"{leaf.name}, whose callers are not known")] = None
                    elif leaf.name not in shown.setdefault(leaf.function, set()):
                        shown[leaf.function].add(leaf.name)
                        todo = True
        for name in modules:
            found |= dict.fromkeys(self._aliases(self.modules[name]))
        return sorted(found)

    def _said(self, node: ast.AST, what: str = "") -> str:
        return f"{self.module_of[node].name}:{node.lineno}: {what or ast.unparse(node)}"  # type: ignore[attr-defined]

    # What is shown

    def _shown_by(self, call: ast.Call, shown: Mapping[Function, set[str]]) -> Iterator[Leaf]:
        """Yield what ``call`` shows and is not known to be ours."""
        callee, arguments, keywords = self._called(call)
        if isinstance(callee, ast.Attribute) and callee.attr in self.rendered and self._is_streamlit(callee):
            names, signature = self.rendered[callee.attr], inspect.signature(getattr(st, callee.attr))
            if "options" in names:
                names = names - {"options"} | {"format_func" if "format_func" in keywords else "options"}
            elif "format_func" in names:
                names = names - {"format_func"}
        elif (function := self._function(callee)) in shown:
            names, signature = shown[function], _signature(function)
        else:
            return
        for keyword in call.keywords:
            if keyword.arg is None:
                yield from self._splat(keyword.value, names - set(keywords))
        for name, value in _bound(signature, arguments, keywords).items():
            if name in names:
                yield from self._foreign(value)

    def _called(self, call: ast.Call) -> tuple[ast.expr, list[ast.expr], dict[str, ast.expr]]:
        """Return what a call calls, or a ``partial``, ``control`` or ``keyed_control`` will, with its arguments."""
        arguments, keywords = list(call.args), {it.arg: it.value for it in call.keywords if it.arg is not None}
        name = self._dotted(call.func)
        if name == "functools.partial":
            return arguments[0], arguments[1:], keywords
        if name == "explorer.ui.view.control":
            return arguments[0], arguments[3:], {key: it for key, it in keywords.items() if key != "key"}
        if name == "explorer.ui.view.keyed_control":
            return arguments[0], arguments[3:], keywords
        return call.func, arguments, keywords

    def _splat(self, value: ast.expr, names: set[str]) -> Iterator[Leaf]:
        """Yield what is not ours among ``**value`` that gives parameters ``names``."""
        function = self._enclosing(value)
        if function is not None and function.args.kwarg and ast.unparse(value) == function.args.kwarg.arg:
            yield from (Parameter(function, name) for name in names)
            return
        for given in [value] if isinstance(value, ast.Dict) else self._bindings(value):
            if not isinstance(given, ast.Dict):
                yield given
                continue
            for key, item in zip(given.keys, given.values, strict=True):
                if not isinstance(key, ast.Constant) or key.value in names:
                    yield from self._foreign(item)

    def _is_streamlit(self, callee: ast.Attribute) -> bool:
        root = callee.value.value if isinstance(callee.value, ast.Subscript) else callee.value
        if isinstance(root, ast.Call):
            return ast.unparse(root).startswith("st.")
        return not isinstance(root, ast.Name) or self.module_of[root].imported.get(root.id, "streamlit") == "streamlit"

    def _aliases(self, module: Module) -> Iterator[str]:
        """Yield where a function that shows text is handed on, so that its calls cannot be found."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "st" and node.attr in self.rendered:
                parent = module.parents[node]
                if not (isinstance(parent, ast.Call) and self._called(parent)[0] is node):
                    yield self._said(node, f"{ast.unparse(node)} is handed on: call it")

    # Whether a text is ours

    def _foreign(self, node: ast.expr | ast.FunctionDef) -> list[Leaf]:
        """Return what in an expression, or in what a function returns, is not known to be ours."""
        if node not in self.known:
            self.known[node] = []  # what is asked of itself: the rest decides
            parts = self._returned(node) if isinstance(node, ast.FunctionDef) else self._parts(node)
            leaves = [
                leaf
                for part in parts
                for leaf in (self._foreign(part) if isinstance(part, ast.AST) and part is not node else [part])
            ]
            self.known[node] = list(dict.fromkeys(leaves))
        return self.known[node]

    def _returned(self, function: ast.FunctionDef) -> Iterator[ast.expr]:
        yield from (it.value for it in self._own_nodes(function) if isinstance(it, ast.Return) and it.value is not None)

    def _parts(self, node: ast.expr) -> Iterator[Leaf | ast.FunctionDef]:
        """Yield what an expression is made of, or itself if nothing is known of it."""
        match node:
            case ast.JoinedStr(values=values):
                yield from (it.value for it in values if isinstance(it, ast.FormattedValue) and not _is_number(it))
            case ast.Attribute(value=part):
                # What a table of ours holds is ours; what another object holds is not known.
                if self._foreign(part) and not TABLE.fullmatch(node.attr):
                    yield node
            case ast.Name():
                yield from self._of_name(node)
            case ast.Call():
                yield from self._of_call(node)
            case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Pow()):
                return
            case _ if type(node) in PARTS:
                for name in PARTS[type(node)]:
                    part = getattr(node, name)
                    yield from filter(None, part if isinstance(part, list) else [part])
            case _:
                yield node

    def _of_name(self, node: ast.Name) -> Iterator[Leaf | ast.FunctionDef]:
        if TABLE.fullmatch(node.id):
            return
        bindings = self._bindings(node) or [self._function(node) or node]
        for one in bindings:
            yield node if isinstance(one, ast.ExceptHandler) else one

    def _of_call(self, node: ast.Call) -> Iterator[Leaf | ast.FunctionDef]:
        name, (callee, arguments, keywords) = self._dotted(node.func), self._called(node)
        if name in self.escaping or name in NUMBERS:
            return
        if name in GATHERING or (isinstance(callee, ast.Attribute) and callee.attr in OF_TEXTS):
            yield from arguments[ast.unparse(callee).endswith(".get") :]  # what it is asked for is not returned
            if isinstance(callee, ast.Attribute):
                yield callee.value
        elif name in self.trusted:
            yield arguments[0]
        elif (function := self._function(callee)) is not None:
            yield from self._returned_to(function, arguments, keywords)
        elif any(isinstance(it, Parameter) for it in self._bindings(callee)):
            yield callee
        else:
            yield node

    def _returned_to(
        self, function: ast.FunctionDef, arguments: list[ast.expr], keywords: dict[str, ast.expr]
    ) -> Iterator[Leaf]:
        """Yield what is not ours in what a function returns to a call: of its parameters, what the call gives them."""
        bound = dict(_defaults(function)) | _bound(_signature(function), arguments, keywords)
        for leaf in self._foreign(function):
            if isinstance(leaf, Parameter) and leaf.function is function and leaf.name in bound:
                yield bound[leaf.name]
            else:
                yield leaf

    # What names mean

    def _dotted(self, node: ast.expr) -> str:
        """Return what a name or an attribute of a module means, with the module that it was imported from."""
        if isinstance(node, ast.Name):
            module = self.module_of[node]
            own = f"{module.name}.{node.id}"
            return module.imported.get(node.id) or (own if own in self.functions else node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return f"{self._dotted(node.value)}.{node.attr}"
        return ""

    def _function(self, node: ast.expr) -> ast.FunctionDef | None:
        bindings = self._bindings(node)
        if not bindings:
            return self.functions.get(self._dotted(node))
        return next((it for it in bindings if isinstance(it, ast.FunctionDef)), None)

    def _own_nodes(self, scope: ast.AST) -> list[ast.AST]:
        if scope not in self.nodes:
            self.nodes[scope] = list(_own_nodes(scope))
        return self.nodes[scope]

    def _enclosing(self, node: ast.AST) -> ast.FunctionDef | None:
        while node is not None and not isinstance(node, ast.FunctionDef):
            node = self.module_of[node].parents.get(node)  # type: ignore[assignment]
        return node

    def _bindings(self, name: ast.expr) -> list[Any]:
        """Return what a name is bound to in the innermost scope that binds it: expressions, functions, a parameter."""
        if not isinstance(name, ast.Name):
            return []
        if name not in self.bound:
            self.bound[name] = self._found_bindings(name)
        return self.bound[name]

    def _found_bindings(self, name: ast.Name) -> list[Any]:
        parents, node = self.module_of[name].parents, name
        while node in parents:
            node = parents[node]  # type: ignore[assignment]
            found: list[Any] = []
            if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
                found = [it for one in node.generators for it in _elements(one.target, one.iter, name.id)]
            elif isinstance(node, ast.FunctionDef | ast.Lambda):
                found = [Parameter(node, it) for it in _parameters(node) if it == name.id]
            if isinstance(node, ast.FunctionDef | ast.Module):
                found += [it for one in self._own_nodes(node) for it in _bound_by(one, name.id)]
            if found:
                return found
        return []


def _is_number(hole: ast.FormattedValue) -> bool:
    """Whether a hole of an f-string has a format that texts refuse."""
    if hole.format_spec is None or hole.conversion != -1:
        return False
    last = hole.format_spec.values[-1]
    if isinstance(last, ast.Constant):
        return bool(NUMBER.fullmatch(str(last.value)) or re.search(r"[deEfFgGn%]$", str(last.value)))
    return False


def _parameters(function: Function) -> list[str]:
    it = function.args
    every = [*it.posonlyargs, *it.args, *it.kwonlyargs, *filter(None, (it.vararg, it.kwarg))]
    return [one.arg for one in every]


def _defaults(function: Function) -> Iterator[tuple[str, ast.expr]]:
    it = function.args
    positional = [*it.posonlyargs, *it.args]
    first = len(positional) - len(it.defaults)
    yield from ((one.arg, value) for one, value in zip(positional[first:], it.defaults, strict=True))
    yield from ((one.arg, value) for one, value in zip(it.kwonlyargs, it.kw_defaults, strict=True) if value is not None)


def _signature(function: Function) -> inspect.Signature:
    kind, it = inspect.Parameter, function.args
    parameters = [kind(one.arg, kind.POSITIONAL_OR_KEYWORD) for one in (*it.posonlyargs, *it.args)]
    parameters += [kind(it.vararg.arg, kind.VAR_POSITIONAL)] if it.vararg else []
    parameters += [kind(one.arg, kind.KEYWORD_ONLY) for one in it.kwonlyargs]
    parameters += [kind(it.kwarg.arg, kind.VAR_KEYWORD)] if it.kwarg else []
    return inspect.Signature(parameters)


def _bound(
    signature: inspect.Signature, arguments: list[ast.expr], keywords: dict[str, ast.expr]
) -> dict[str, ast.expr]:
    """Return the arguments of a call by parameter; those of ``**`` by their own names, those of ``*`` as a tuple."""
    given = signature.bind_partial(*arguments, **keywords).arguments
    bound: dict[str, ast.expr] = {}
    for name, value in given.items():
        if isinstance(value, dict):
            bound |= value
        else:
            bound[name] = ast.Tuple(list(value), ast.Load()) if isinstance(value, tuple) else value
    return bound


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body, without those of functions in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own_nodes(child)


def _bound_by(node: ast.AST, name: str) -> Iterator[Any]:
    """Yield what a statement, or an expression with ``:=``, binds ``name`` to, or puts into it."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _values(target, value, name)
        case ast.AnnAssign(target=target, value=value) | ast.AugAssign(target=target, value=value) if value is not None:
            yield from _values(target, value, name)
        case ast.NamedExpr(target=target, value=value):
            yield from _values(target, value, name)
        case ast.For(target=target, iter=value):
            yield from _elements(target, value, name)
        case ast.With(items=items):
            yield from (it.context_expr for it in items if it.optional_vars and name in _names(it.optional_vars))
        case ast.ExceptHandler(name=caught) if caught == name:
            yield node
        case ast.FunctionDef(name=defined) if defined == name:
            yield node
        case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr=method), args=arguments):
            if of == name and method in ADDING:
                yield from arguments


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _values(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """Yield what ``name`` is bound to where ``target = value`` is."""
    if isinstance(value, ast.IfExp):
        yield from _values(target, value.body, name)
        yield from _values(target, value.orelse, name)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, part in zip(target.elts, value.elts, strict=True):
            yield from _values(one, part, name)
    elif isinstance(target, ast.Subscript):
        if isinstance(target.value, ast.Name) and target.value.id == name:
            yield value
    elif name in _names(target):
        yield value


def _elements(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """Yield what ``name`` is bound to where ``for target in value`` is."""
    if name not in _names(target):
        return
    if isinstance(value, ast.Tuple | ast.List):
        for part in value.elts:
            yield from _values(target, part, name)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        if value.func.id == "zip":
            for one, part in zip(target.elts, value.args, strict=False):
                yield from _elements(one, part, name)
        elif value.func.id == "enumerate":
            number, one = target.elts
            yield from [ast.Constant(0)] if name in _names(number) else _elements(one, value.args[0], name)
        else:
            yield value
    else:
        yield value
