"""The public names of installed Python packages, as the porting tables write them.

A name is a module (`mstr.requests.compat`), something in one (`MSTRException`), a member of a class
(`MSTRRESTSession.get`) or a parameter (`MSTRRESTSession(timeout)`, `env(default)`). One name may
have several spellings: a method is a member of the class that has it, of those that inherit it, and
of the async twin. What a class inherits from another package is a name too
(`requests.Session.mount`).
"""

import ast
import importlib
import inspect
import pkgutil
import sys
import warnings
from pathlib import Path

PACKAGE = "mstr.requests"

# Functions whose parameters nobody calls by name: they are the package's own inside.
INSIDE = {"mstr.requests.rest.core", "mstr.requests.rest.api.utils"}

# What is commonly asked of a reply; both packages have far more.
REPLIES = {
    "": [
        *("status_code", "headers", "url", "text", "content", "json", "cookies", "elapsed"),
        *("history", "encoding", "request", "raise_for_status", "close", "iter_lines"),
    ],
    "requests": ["ok", "reason", "iter_content"],
    "httpx": ["is_success", "is_error", "reason_phrase", "iter_bytes", "aiter_bytes", "aclose"],
}


class Names:
    """What a package has: `wanted` maps a name to its spellings, `known` holds all of them."""

    def __init__(self):
        self.wanted = {}
        self.known = set()

    def add(self, name, *others):
        spellings = {name, *others}
        self.wanted.setdefault(name, set()).update(spellings)
        self.known |= spellings


def public(name):
    return not name.startswith("_")


def parameters(thing):
    """What can be given by name; a class is asked what makes it."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(thing).parameters.values()
    return [p.name for p in found if p.kind in kinds and p.name not in ("self", "cls")]


def modules():
    """The modules of the package, imported. One that cannot be is an error: its names would go."""
    root = importlib.import_module(PACKAGE)
    yield root
    for found in pkgutil.walk_packages(root.__path__, f"{PACKAGE}."):
        if public(found.name.rsplit(".", 1)[1]):
            yield importlib.import_module(found.name)


def source(module):
    """The syntax tree of a module; `inspect` takes an empty file for none."""
    return ast.parse(Path(module.__file__).read_text(encoding="utf-8"))


def assigned(module):
    """Names that the module itself binds: once it has run, nothing tells its constants and type
    aliases from what it imports."""
    names = set()
    for node in source(module).body:
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            targets = node.targets if isinstance(node, ast.Assign) else []
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if public(name)}


def set_on_self(cls):
    """Attributes that the methods of a class give to its objects."""
    found = set()
    for node in ast.walk(source(inspect.getmodule(cls))):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            for inner in ast.walk(node):
                if (
                    isinstance(inner, ast.Attribute)
                    and isinstance(inner.ctx, ast.Store)
                    and isinstance(inner.value, ast.Name)
                    and inner.value.id == "self"
                    and public(inner.attr)
                ):
                    found.add(inner.attr)
    return found


def package_names():
    """All public names of the package."""
    warnings.simplefilter("ignore")
    names = Names()
    classes = set()
    for module in modules():
        names.add(module.__name__)
        own = assigned(module)
        # what is loaded on first access stands in no dictionary
        listed = [*getattr(module, "__all__", []), *getattr(module, "_ASYNC_NAMES", [])]
        for name in {*filter(public, vars(module)), *listed}:
            thing = getattr(module, name)
            here = getattr(thing, "__module__", None) == module.__name__
            if inspect.isclass(thing):
                if thing.__module__.startswith(PACKAGE):
                    classes.add(thing)
                    names.add(name)  # may be an alias
            elif inspect.isfunction(thing) and here:
                names.add(name)
                if module.__name__ not in INSIDE:
                    for parameter in parameters(thing):
                        names.add(f"{name}({parameter})")
            elif name in own or name in listed:
                names.add(name)
    for cls in classes:
        class_names(names, cls, family(cls, classes))
    for base in {up for cls in classes for up in cls.__mro__ if is_foreign(up)}:
        inherited_names(names, base, {cls for cls in classes if base in cls.__mro__})
    return names


def family(cls, classes):
    """The classes under which somebody may look for what `cls` has."""
    related = {other for other in classes if cls in other.__mro__ or other in cls.__mro__}
    twins = {other.__name__.removeprefix("Async") for other in related}
    if cls.__name__.endswith("SessionProtocol"):
        # what a session must have, and no session itself
        twins.add("MSTRRESTSession")
    return related | {other for other in classes if other.__name__ in twins}


def class_names(names, cls, related):
    """The name of a class, its members and their parameters."""
    names.add(cls.__name__)

    def add(ending, has):
        names.add(
            f"{cls.__name__}{ending}",
            *(f"{other.__name__}{ending}" for other in related if has(other)),
        )

    if "__init__" in vars(cls) and not getattr(cls, "_is_protocol", False):
        for parameter in parameters(cls):
            add(f"({parameter})", lambda other, p=parameter: p in parameters(other))
    for member in set_on_self(cls):
        add(f".{member}", lambda other: any(member in set_on_self(up) for up in ours(other)))
    for member, thing in vars(cls).items():
        if not public(member):
            continue
        add(f".{member}", lambda other: hasattr(other, member))
        if inspect.isfunction(thing) or isinstance(thing, classmethod):
            for parameter in parameters(getattr(cls, member)):
                add(f".{member}({parameter})", lambda other: hasattr(other, member))


def ours(cls):
    """A class of the package and those of its bases that are too."""
    return [up for up in cls.__mro__ if up.__module__.startswith(PACKAGE)]


def package_of(cls):
    return cls.__module__.split(".")[0]


def is_foreign(cls):
    """Whether a class is neither of the package nor of the standard library."""
    return not cls.__module__.startswith(PACKAGE) and package_of(cls) not in sys.stdlib_module_names


def inherited_names(names, base, heirs):
    """The name of a class of another package, and the members that classes of the package inherit
    from it. Their parameters are not listed: programs call them by position, or override them."""
    between = {up for heir in heirs for up in heir.__mro__ if is_foreign(up) and base in up.__mro__}
    prefixes = [f"{package_of(base)}.{base.__name__}", base.__name__]
    names.add(*prefixes)
    prefixes += [f"{package_of(up)}.{up.__name__}" for up in between - {base}]
    prefixes += [cls.__name__ for cls in heirs]
    for member in filter(public, vars(base)):
        names.add(*(f"{prefix}.{member}" for prefix in prefixes))


def transport_names():
    """What the packages inherit from `requests` and hand on to `httpx`."""
    import httpx
    import requests

    names = Names()
    replies = {"requests": requests.Response(), "httpx": httpx.Response(200)}
    for attribute in requests.Session.__attrs__:
        names.add(f"requests.Session.{attribute}")
    for parameter in parameters(requests.Session.request):
        names.add(f"requests.Session.request({parameter})")
    for parameter in parameters(httpx.Client):
        names.add(f"httpx.Client({parameter})")
    for parameter in parameters(httpx.Client.request):
        names.add(f"httpx.Client.request({parameter})")
    for kind, reply in replies.items():
        for member in REPLIES[""] + REPLIES[kind]:
            if member not in dir(reply):
                raise AttributeError(f"{kind}.Response has no {member}: take it from the list")
            names.add(f"{kind}.Response.{member}")
    return names


def listed_names(lines):
    """Names of a list: `module Name member member(parameter) (parameter)`. All must exist."""
    names, missing = Names(), []
    for line in lines:
        line = line.split("#")[0].split()
        if not line:
            continue
        module, name, *endings = line
        try:
            thing = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            missing.append(f"{module}.{name}")
            continue
        names.add(name)
        for ending in endings:
            member, _, parameter = ending.rstrip(")").partition("(")
            try:
                inner = getattr(thing, member) if member else thing
                there = not parameter or parameter in parameters(inner)
            except AttributeError:
                there = member in set_on_self(thing) and not parameter
            if there:
                names.add(name + (f".{ending}" if member else ending))
            else:
                missing.append(f"{module}.{name} {ending}")
    return names, missing
