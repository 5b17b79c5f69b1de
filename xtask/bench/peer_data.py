"""Peers that read a report: mstrio-py, and a client that one would write without it."""

import requests
from worker import Meter, arguments, say, tasks


def mstrio(args):
    from mstrio import config
    from mstrio.connection import Connection
    from mstrio.project_objects.report import Report

    config.verbose = False
    for task in tasks():
        with Connection(
            args.base_url.removesuffix("/api/"),
            args.user,
            args.password,
            project_name=args.project,
            verbose=False,
        ) as connection:
            if not task["gzip"]:
                connection.headers["Accept-Encoding"] = "identity"
            meter = Meter()
            report = Report(
                connection, id=task["report"], parallel=task["parallel"], progress_bar=False
            )
            rows = len(report.to_dataframe(limit=task["page_rows"]))
            say({"rows": rows} | meter.stop())


def naive(args):
    """What it takes and no more: no re-login, no retries, tabular grids of numbers alone."""
    import numpy

    for task in tasks():
        session = requests.Session()
        session.trust_env = False
        if not task["gzip"]:
            session.headers["Accept-Encoding"] = "identity"
        base = args.base_url.rstrip("/")
        login = {"loginMode": 1, "username": args.user, "password": args.password}
        reply = session.post(f"{base}/auth/login", json=login)
        reply.raise_for_status()
        session.headers["X-MSTR-AuthToken"] = reply.headers["X-MSTR-AuthToken"]
        session.headers["X-MSTR-ProjectID"] = args.project_id

        meter = Meter()
        limit = task["page_rows"]
        root = f"{base}/v2/reports/{task['report']}/instances"
        fields = "-data.metricValues.formatted,-data.metricValues.extras"
        reply = session.post(root, json={}, params={"limit": limit, "fields": fields})
        reply.raise_for_status()
        page = reply.json()
        pages = [columns(numpy, page)]
        total = page["data"]["paging"]["total"]
        for offset in range(limit, total, limit):
            window = {"offset": offset, "limit": limit, "fields": fields}
            reply = session.get(f"{root}/{page['instanceId']}", params=window)
            reply.raise_for_status()
            pages.append(columns(numpy, reply.json()))
        table = {name: numpy.concatenate([one[name] for one in pages]) for name in pages[0]}
        rows = len(next(iter(table.values())))
        say({"rows": rows} | meter.stop())
        session.post(f"{base}/auth/logout")


def columns(numpy, page):
    """Columns of one page: forms by taking from the page's elements, metrics as floats."""
    grid = page["definition"]["grid"]
    headers = numpy.array(page["data"]["headers"]["rows"])
    values = numpy.array(page["data"]["metricValues"]["raw"], dtype=float)
    table = {}
    for number, unit in enumerate(grid["rows"]):
        for form_number, form in enumerate(unit["forms"]):
            texts = [element["formValues"][form_number] for element in unit["elements"]]
            texts = numpy.array(texts, dtype=object)
            table[f"{unit['name']}@{form['name']}"] = texts[headers[:, number]]
    for number, metric in enumerate(grid["columns"][0]["elements"]):
        table[metric["name"]] = values[:, number]
    return table


def main():
    args = arguments(__doc__)
    {"mstrio": mstrio, "naive": naive}[args.client](args)


if __name__ == "__main__":
    main()
