"""Drives the PyPI package mstrio-py against the simulated server."""

import argparse
import sys

from mstrio.api import authentication
from mstrio.connection import Connection
from mstrio.helpers import IServerError
from mstrio.server.environment import Environment

from checks import Checks, Control, equal


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--ldap-user", required=True)
    parser.add_argument("--ldap-password", required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--project-id", required=True)
    parser.add_argument("--idle-timeout", type=int, required=True)
    return parser.parse_args()


def check(checks, args, control):
    def connect(**options):
        credentials = {"username": args.username, "password": args.password}
        return Connection(args.base_url, verbose=False, **{**credentials, **options})

    def by_name():
        connection = connect(project_name=args.project)
        equal(connection.project_id, args.project_id)
        equal(connection.project_name, args.project)
        equal(connection.timeout, args.idle_timeout)
        equal(control.modes(), [1])
        connection.close()
        equal(control.modes(), [])

    checks.run("connect with a project's name, close", by_name)

    def by_id():
        with connect(project_id=args.project_id) as connection:
            equal(connection.project_name, args.project)
            equal(connection.user_full_name, args.username)
            equal(connection.status(), True)
        equal(control.modes(), [])

    checks.run("connect with a project's id, status, user info", by_id)

    def ldap():
        credentials = {"username": args.ldap_user, "password": args.ldap_password}
        with connect(login_mode=16, **credentials):
            equal(control.modes(), [16])

    checks.run("LDAP login", ldap)

    def api_key():
        with connect(username=None, password=None, api_token=args.api_key) as connection:
            equal(control.modes(), [4096])
            made = connection.get_api_token()
            with connect(username=None, password=None, api_token=made):
                equal(control.modes(), [4096, 4096])

    checks.run("login with an API key, and with one that the server just made", api_key)

    def identity():
        with connect() as owner:
            token = owner.get_identity_token()
            with connect(username=None, password=None, identity_token=token) as delegated:
                equal(delegated.validate_identity_token(), True)
                equal(control.modes(), [1, -1])
        equal(control.modes(), [])

    checks.run("identity token, its validation, delegation", identity)

    def projects():
        with connect(project_name=args.project) as connection:
            environment = Environment(connection)
            listed = {one["name"]: one["id"] for one in environment.list_projects(to_dictionary=True)}
            equal(listed[args.project], args.project_id)
            loaded = environment.list_loaded_projects()
            equal({one.name for one in loaded}, set(listed))

    checks.run("list projects and loaded projects", projects)

    def nodes():
        with connect(project_name=args.project) as connection:
            listed = Environment(connection).list_nodes()
            equal({node["status"] for node in listed}, {"running"})

    checks.run("list cluster nodes", nodes)

    def privileges():
        with connect() as connection:
            listed = authentication.user_privileges(connection).json()
            equal(all(one["isUserLevelAllowed"] for one in listed), True)

    checks.run("privileges of the session", privileges)

    def wrong_password():
        try:
            connect(password="wrong")
        except IServerError as error:
            equal(error.http_code, 401)
            equal("ERR003" in str(error), True)
        else:
            raise AssertionError("a wrong password opened a session")
        equal(control.modes(), [])

    checks.run("a wrong password is an error, ERR003", wrong_password)

    def unknown_project():
        try:
            connect(project_name="no such project")
        except ValueError:
            pass
        else:
            raise AssertionError("there is no such project")
        # The package forgets to log out here: what it left is ended for it.
        equal(control.expire(), 1)

    checks.run("an unknown project is an error", unknown_project)

    def expired():
        connection = connect()
        control.expire()
        equal(connection.status(), False)
        try:
            connection.get(endpoint="/api/projects").raise_for_status()
        except Exception as error:
            equal("401" in str(error) or "ERR009" in str(error), True)
        else:
            raise AssertionError("the session should be gone")
        connection.renew()
        equal(control.modes(), [1])
        connection.close()
        equal(control.modes(), [])

    checks.run("an expired session, renewed", expired)


def main():
    args = arguments()
    checks = Checks()
    control = Control(args.base_url)
    control.expire()
    check(checks, args, control)
    checks.run("nothing is left open", lambda: equal(control.modes(), []))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
