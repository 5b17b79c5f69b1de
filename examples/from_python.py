"""The Python side of the example `from_python`: needs `pip install mstr-rest-requests`.

python examples/from_python.py save session.json
python examples/from_python.py restore session.json

Logs in with MSTR_BASE_URL, MSTR_USERNAME and MSTR_PASSWORD. Whoever can read the file has the
session: it is made with mode 0600.
"""

import os
import sys

from mstr.requests import MSTRRESTSession


def save(path):
    with MSTRRESTSession(base_url=os.environ["MSTR_BASE_URL"]) as session:
        session.login(
            username=os.environ["MSTR_USERNAME"], password=os.environ["MSTR_PASSWORD"]
        )
        # not logged out: the session goes on in the other program
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(session.json())


def restore(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with MSTRRESTSession() as session:
        session.update_from_json(text)
        print("user:", session.get_userinfo().json()["fullName"])
        print("projects:", len(session.get_projects()))


if __name__ == "__main__":
    {"save": save, "restore": restore}[sys.argv[1]](sys.argv[2])
