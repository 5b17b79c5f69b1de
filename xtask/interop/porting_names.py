"""Holds the guide's porting tables against the Python packages that are installed.

`list` prints the names of the installed mstr-rest-requests, for `check --older`. `check` fails when
a public name of mstr-rest-requests, or one of the committed list of mstrio-py, has no row; when a row
names what no package has; when a name has two rows; and when a Python sample does not compile or
imports what is not there.
"""

import argparse
import ast
import json
import re
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from python_names import listed_names, package_names, transport_names

CHAPTER = "porting"
LIST = Path(__file__).with_name("mstrio_names.txt")
PACKAGE = "mstr-rest-requests"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["list", "check"])
    parser.add_argument("--guide", type=Path, help="the folder of the chapters")
    parser.add_argument("--older", type=Path, help="what `list` printed for an older version")
    return parser.parse_args()


def first_cells(text):
    """Pairs of line number and first cell of table rows with code in that cell."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and line.startswith("|"):
            cell = line.split("|")[1]
            if "`" in cell:
                yield number, cell


def chapters(guide):
    return [guide / f"{CHAPTER}.md", *sorted((guide / CHAPTER).glob("*.md"))]


def rows(guide):
    """The Python names of all tables, each with where it stands."""
    found = []
    for file in chapters(guide):
        for number, cell in first_cells(file.read_text(encoding="utf-8")):
            for name in re.findall("`([^`]*)`", cell):
                found.append((name, f"{file.name}:{number}"))
    return found


def broken_samples(guide):
    """What is wrong with the Python samples: they are compiled, and their imports are done."""
    for file in chapters(guide):
        text = file.read_text(encoding="utf-8")
        samples = list(re.finditer("^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
        for sample in samples:
            at = f"{file.name}:{text.count(chr(10), 0, sample.start()) + 1}"
            try:
                tree = ast.parse(sample[1])
                kinds = (ast.Import, ast.ImportFrom)
                imports = [node for node in tree.body if isinstance(node, kinds)]
                exec(compile(ast.Module(imports, []), at, "exec"), {})
            except (SyntaxError, ImportError) as error:
                yield f"{at}: {error}"
        print(f"{file.name}: {len(samples)} Python samples")


def check(guide, older):
    problems = list(broken_samples(guide))
    table = rows(guide)
    names = {name for name, _ in table}

    packages = {f"{PACKAGE} {version(PACKAGE)}": package_names()}
    packages["requests and httpx"] = transport_names()
    listed, gone = listed_names(LIST.read_text(encoding="utf-8").splitlines())
    packages[f"mstrio-py {version('mstrio-py')}"] = listed
    problems += [f"{LIST.name}: the package has no {name}" for name in gone]

    wanted = {title: found.wanted for title, found in packages.items()}
    known = set().union(*(found.known for found in packages.values()))
    old = json.loads(older.read_text(encoding="utf-8"))
    wanted[f"{PACKAGE} {old['version']}"] = {
        name: set(others) for name, others in old["wanted"].items()
    }
    known |= {name for others in old["wanted"].values() for name in others}

    for title, found in wanted.items():
        missing = [name for name, spellings in sorted(found.items()) if not spellings & names]
        problems += [f"no row for {name} of {title}" for name in missing]
        print(f"{title}: {len(found)} names, {len(found) - len(missing)} in the tables")
    problems += [f"{at}: no package has {name}" for name, at in table if name not in known]
    twice = [name for name, count in Counter(name for name, _ in table).items() if count > 1]
    problems += [f"{name} stands in more than one row" for name in twice]

    for problem in problems:
        print(f"FAILED {problem}")
    print(f"{len(table)} names in the tables, {len(problems)} problems")
    return 1 if problems or not table else 0


def main():
    args = arguments()
    if args.command == "list":
        wanted = {name: sorted(others) for name, others in package_names().wanted.items()}
        json.dump({"version": version(PACKAGE), "wanted": wanted}, sys.stdout)
        return 0
    return check(args.guide, args.older)


if __name__ == "__main__":
    sys.exit(main())
