"""Lets the PyPI package mstrio-py run dashboards and documents, answer prompts and export."""

import argparse
import base64
import csv
import io
import sys
import zipfile

from mstrio import config
from mstrio.api import documents
from mstrio.connection import Connection
from mstrio.project_objects.dashboard import Dashboard, list_dashboards
from mstrio.project_objects.document import Document, list_documents
from mstrio.project_objects.prompt import Prompt
from mstrio.utils.parser import Parser

from checks import Checks, Control, equal

DASHBOARD = "Sample Dashboard"
DOCUMENT = "Sample Document"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--project", required=True)
    return parser.parse_known_args()[0]


def pdf(reply):
    equal(reply.status_code, 200)
    data = base64.b64decode(reply.json()["data"], validate=True)
    equal((data[:5], data[-6:]), (b"%PDF-", b"%%EOF\n"))
    return data


def lines(reply):
    """What the vendor's own samples do with it."""
    return list(csv.reader(io.StringIO(str(reply.content, "utf-16"))))


def frame(page):
    parser = Parser(response=page, parse_cube=False)
    parser.parse(response=page)
    return parser.dataframe


def check(checks, connection):
    boards = {one["name"]: one["id"] for one in list_dashboards(connection, to_dictionary=True)}
    papers = {one["name"]: one["id"] for one in list_documents(connection, to_dictionary=True)}

    def told_apart():
        equal(DASHBOARD in boards and DOCUMENT not in boards, True)
        equal(DOCUMENT in papers and DASHBOARD not in papers, True)

    checks.run("dashboards and documents are told apart", told_apart)

    def chapters():
        found = Dashboard(connection, id=boards[DASHBOARD])
        shown = found.chapters[0].pages[0].visualizations
        equal([one.visualization_type for one in shown], ["grid", "compound_grid"])
        equal(found.current_chapter, found.chapters[0].key)
        return found.chapters[0].key, shown[0].key

    checks.run("the definition of a dashboard", chapters)

    def executed():
        reply = documents.create_dashboard_instance(connection, boards[DASHBOARD], body={})
        equal((reply.status_code, reply.json()["status"]), (201, 1))
        return boards[DASHBOARD], reply.json()["mid"]

    def grid():
        chapter, key = chapters()
        board, mid = executed()
        shown = documents.get_definition_and_results_of_visualization(
            connection,
            instance_id=mid,
            chapter_key=chapter,
            visualization_key=key,
            dashboard_id=board,
        )
        table = frame(shown.json())
        exported = lines(
            documents.export_visualization_to_csv(connection, board, mid, node_key=key, body={})
        )
        equal(list(table.columns), exported[0])
        equal((len(table), len(exported)), (200, 201))
        for row, wanted in zip(table.values.tolist(), exported[1:], strict=True):
            for got, text in zip(row, wanted, strict=True):
                equal("" if got != got else got, type(got)(text) if text else "")
        reply = documents.delete_document_instance(connection, board, mid)
        equal(reply.status_code, 204)

    checks.run("a visualization's grid is its CSV export", grid)

    def exports():
        board, mid = executed()
        pdf(documents.export_document_to_pdf(connection, board, mid, body={"includeHeader": True}))
        pdf(documents.export_visualization_to_pdf(connection, board, mid, chapters()[1], body={}))
        reply = documents.export_document_to_excel(connection, board, mid, body={})
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            equal(archive.testzip(), None)
            equal("xl/workbook.xml" in archive.namelist(), True)

    checks.run("PDF and Excel exports", exports)

    def prompts():
        found = Document(connection, id=papers[DOCUMENT])
        mid = found.instance_id
        asked = documents.get_prompts_for_instance(connection, found.id, mid, closed=False).json()
        equal([one["name"] for one in asked], ["Choose regions", "Comment"])
        key = asked[0]["key"]
        offered = documents.get_attribute_element_for_prompt(connection, found.id, mid, key).json()["elements"]
        answers = [
            Prompt(type="ELEMENTS", key=key, answers=[{"id": offered[1]["id"]}]),
            Prompt(type="VALUE", key=asked[1]["key"], answers=["none"]),
        ]
        equal(found.answer_prompts(answers, force=True), True)
        status = documents.get_document_status(connection, found.id, mid).json()
        equal(status["status"], 1)
        pdf(documents.export_document_to_pdf(connection, found.id, mid, body={}))
        again = documents.set_document_to_prompt_status(connection, found.id, mid).json()["mid"]
        status = documents.get_document_status(connection, found.id, again).json()
        equal((status["status"], again == mid), (2, False))

    checks.run("prompts of a document: answered, and asked once more", prompts)


def main():
    args = arguments()
    config.verbose = False
    checks = Checks()
    control = Control(args.base_url)
    control.expire()
    with Connection(
        args.base_url, args.username, args.password, project_name=args.project, verbose=False
    ) as connection:
        check(checks, connection)
    checks.run("nothing is left open", lambda: equal(control.modes(), []))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
