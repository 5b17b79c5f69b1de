"""Lets the PyPI package mstrio-py read reports and cubes, and compares value by value.

Datasets go both ways: what mstrio-py uploads, our program reads and changes, and mstrio-py reads
what that program uploads.
"""

import argparse
import csv
import datetime
import math
import os
import subprocess
import sys

from mstrio import config
from mstrio.connection import Connection
from mstrio.project_objects.datasets.olap_cube import OlapCube, list_olap_cubes
from mstrio.project_objects.datasets.super_cube import SuperCube
from mstrio.project_objects.report import Report, list_reports
from pandas import DataFrame

from checks import Checks, Control, equal

ROWS = 2500  # several pages, and the last one is not full


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--cube", required=True)
    return parser.parse_known_args()[0]


def same(got, wanted):
    """Null is `NaN` in a frame, and whole numbers beside it are floats."""
    if wanted is None:
        return got is None or (isinstance(got, float) and math.isnan(got))
    return got == wanted and isinstance(got, str) == isinstance(wanted, str)


def compare(frame, table, rows=None):
    rows = table["rows"] if rows is None else rows
    equal(list(frame.columns), table["columns"])
    equal(len(frame), len(rows))
    compared = 0
    columns = [frame[name].tolist() for name in frame.columns]
    for at, wanted in enumerate(rows):
        for column, value in zip(columns, wanted, strict=True):
            if not same(column[at], value):
                raise AssertionError(f"row {at}: got {column[at]!r}, wanted {value!r}")
            compared += 1
    return compared


def run_ours(args, dataset=None):
    """Runs our program, and gives the id of the dataset and the lines of CSV that it read."""
    environment = {
        **os.environ,
        "MSTR_BASE_URL": args.base_url,
        "MSTR_USERNAME": args.username,
        "MSTR_PASSWORD": args.password,
        "MSTR_PROJECT": args.project,
        "MSTR_OBJECT": dataset or "",
    }
    program = os.environ["MSTR_UPLOAD_PROGRAM"]
    done = subprocess.run(
        [program], env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    if done.returncode:
        raise AssertionError(f"{done.stdout}\n{done.stderr}")
    _, _, told = done.stdout.partition("the cube ")
    made, _, told = told.partition(":\n")
    return made, list(csv.reader(told.strip().splitlines()))


def same_text(told, table):
    """Lines of CSV are the table: null is nothing, numbers are compared as numbers."""
    equal(told[0], table["columns"])
    equal(len(told) - 1, len(table["rows"]))
    for line, wanted in zip(told[1:], table["rows"], strict=True):
        for text, value in zip(line, wanted, strict=True):
            if isinstance(value, (int, float)):
                equal(float(text), float(value))
            else:
                equal(text, value or "")


def check(checks, args, control, connection):
    listed = {one["name"]: one["id"] for one in list_reports(connection, to_dictionary=True)}

    def report(name, table_rows=None, **options):
        limit = options.pop("limit", None)
        parallel = options.pop("parallel", True)
        found = Report(connection, id=listed[name], parallel=parallel, progress_bar=False)
        frame = found.to_dataframe(limit=limit, **options)
        return compare(frame, control.table(listed[name]), table_rows)

    def paged():
        for limit in (700, 1000, 5000):
            for parallel in (True, False):
                compared = report(args.report, limit=limit, parallel=parallel)
                equal(compared, ROWS * 7)

    checks.run("Report.to_dataframe, paged and whole, in parallel and not", paged)

    checks.run("Report.to_dataframe, limit found by itself", lambda: report(args.report))
    for name in ("Cross-Tab", "Metrics in Rows", "Subtotals"):
        checks.run(f"Report.to_dataframe, Sample {name}, flattened", lambda n=name: report(f"Sample {n}"))

    def pages():
        found = Report(connection, id=listed["Sample Pages"], progress_bar=False)
        table = control.table(found.id)
        at = table["columns"].index("Airport")
        without = lambda row: row[:at] + row[at + 1 :]
        for number, airport in enumerate(("BWI", "DCA"), start=1):
            element = f"h{number};{found.page_by_attributes[0]['id']}"
            rows = [without(row) for row in table["rows"] if row[at] == airport]
            equal(len(rows), 20)
            frame = found.to_dataframe(limit=8, page_element_id=element)
            compare(frame, {"columns": without(table["columns"])}, rows)

    checks.run("the pages of a report, one by one", pages)

    def filtered():
        found = Report(connection, id=listed[args.report], progress_bar=False)
        elements = next(one for one in found.attr_elements if one["attribute_name"] == "Region")
        chosen = elements["elements"][2]
        found.apply_filters(attr_elements=[chosen["id"]])
        table = control.table(listed[args.report])
        rows = [row for row in table["rows"] if row[0] == chosen["formValues"][0]]
        equal(0 < len(rows) < ROWS, True)
        compare(found.to_dataframe(limit=100), table, rows)

    checks.run("a filter by an attribute's element", filtered)

    def prompts():
        found = Report(connection, id=listed["Sample Prompts"], progress_bar=False)
        equal({one.name for one in found.prompts}, {"Choose regions", "Comment"})
        try:
            found.to_dataframe()
        except ValueError as error:
            equal("unanswered prompts" in str(error), True)
        else:
            raise AssertionError("there are prompts")
        by_name = {one.name: one for one in found.prompts}
        region = next(one for one in found.attributes if one["name"] == "Region")
        by_name["Choose regions"].answers = [{"id": f"h2;{region['id']}"}]
        by_name["Comment"].use_default = True
        found.instance_id = None
        frame = found.to_dataframe(prompt_answers=list(by_name.values()))
        table = control.table(listed["Sample Prompts"])
        compare(frame, table, [row for row in table["rows"] if row[0] == "Region 2"])

    checks.run("prompts: listed, refused without answers, answered", prompts)

    cubes = {one["name"]: one["id"] for one in list_olap_cubes(connection, to_dictionary=True)}

    def cube():
        for parallel in (True, False):
            for limit in (700, None):
                found = OlapCube(connection, id=cubes[args.cube], parallel=parallel, progress_bar=False)
                compared = compare(found.to_dataframe(limit=limit), control.table(cubes[args.cube]))
                equal(compared, ROWS * 6)

    checks.run("OlapCube.to_dataframe, paged, in parallel and not", cube)

    def upload():
        frame = DataFrame({"Name": ["a", "b", "ü"], "Amount": [1.5, None, -3.25]})
        made = SuperCube(connection, name="Uploaded", progress_bar=False)
        made.add_table(name="Table", data_frame=frame, update_policy="replace", to_metric=["Amount"])
        made.create(force=True, chunksize=2)
        table = control.table(made.id)
        equal(table["columns"], ["Name", "Amount"])
        equal(table["rows"], [["a", 1.5], ["b", None], ["ü", -3.25]])
        read = SuperCube(connection, id=made.id, progress_bar=False)
        compare(read.to_dataframe(), table)

    checks.run("SuperCube: created, uploaded, published, read back", upload)

    def update():
        frame = DataFrame({"Name": ["a", "b"], "Amount": [1.0, 2.0]})
        made = SuperCube(connection, name="Updated", progress_bar=False)
        made.add_table(name="Table", data_frame=frame, update_policy="replace")
        made.create(force=True)
        more = DataFrame({"Name": ["b", "c"], "Amount": [5.5, 3.0]})
        again = SuperCube(connection, id=made.id, progress_bar=False)
        again.add_table(name="Table", data_frame=more, update_policy="upsert")
        again.update(chunksize=1)
        equal(control.table(made.id)["rows"], [["a", 1], ["b", 5.5], ["c", 3]])

    checks.run("SuperCube: updated by key, part by part", update)

    def ours():
        made, told = run_ours(args)
        table = control.table(made)
        equal(table["columns"], ["order", "city", "day", "revenue"])
        wanted = [
            ["1", "Bern", "2024-01-31", 120.5],
            ["2", "Zürich", "2024-02-01", 80],
            ["3", "Genève", "2024-02-01", -7.25],
            ["4", "Chur", "2024-02-02", 0.1],
        ]
        equal(table["rows"], wanted)
        read = SuperCube(connection, id=made, progress_bar=False)
        equal(compare(read.to_dataframe(), table), 16)
        same_text(told, table)

    checks.run("a dataset that our program uploads, read by SuperCube", ours)

    def theirs():
        day = datetime.date(2024, 2, 1)
        frame = DataFrame(
            {
                "order": [2, 7],
                "city": ["Zürich", 'La "Chaux"'],
                "day": [day, datetime.date(1999, 12, 31)],
                "revenue": [1.5, None],
            }
        )
        made = SuperCube(connection, name="Theirs", progress_bar=False)
        made.add_table("orders", frame, update_policy="replace", to_attribute=["order"])
        made.create(force=True)
        changed, told = run_ours(args, made.id)
        equal(changed, made.id)
        table = control.table(made.id)
        wanted = [
            ["2", "Zürich", "2024-02-01", 80],
            ["7", 'La "Chaux"', "1999-12-31", None],
            ["4", "Chur", "2024-02-02", 0.1],
        ]
        equal(table["rows"], wanted)
        same_text(told, table)
        read = SuperCube(connection, id=made.id, progress_bar=False)
        equal(compare(read.to_dataframe(), table), 12)

    checks.run("a dataset that SuperCube uploads, changed and read by our program", theirs)


def main():
    args = arguments()
    config.verbose = False
    checks = Checks()
    control = Control(args.base_url)
    control.expire()
    with Connection(
        args.base_url, args.username, args.password, project_name=args.project, verbose=False
    ) as connection:
        check(checks, args, control, connection)
    checks.run("nothing is left open", lambda: equal(control.modes(), []))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
