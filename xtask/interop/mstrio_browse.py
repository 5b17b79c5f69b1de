"""Lets the PyPI package mstrio-py browse and administer: users, groups, folders, searches, nodes."""

import argparse
import sys

from mstrio import config
from mstrio.connection import Connection
from mstrio.object_management import full_search, quick_search
from mstrio.object_management.folder import Folder, list_folders
from mstrio.object_management.predefined_folders import PredefinedFolders
from mstrio.object_management.folder import get_predefined_folder_contents
from mstrio.server.cluster import Cluster
from mstrio.types import ObjectTypes
from mstrio.users_and_groups import User, UserGroup, list_user_groups, list_users

from checks import Checks, Control, equal


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--project-id", required=True)
    parser.add_argument("--report", required=True)
    return parser.parse_known_args()[0]


def names(found):
    return sorted(one["name"] for one in found)


def people(checks, connection):
    def users():
        listed = list_users(connection, to_dictionary=True)
        equal("dave" in {one["abbreviation"] for one in listed}, True)
        equal(names(list_users(connection, name_begins="le", to_dictionary=True)), ["lena"])

    checks.run("list_users, by the beginning of the name too", users)

    def user():
        made = User.create(
            connection, username="pat", full_name="Pat Smith", password="made-up-for-interop",
            require_new_password=False,
        )
        equal((made.full_name, made.enabled), ("Pat Smith", True))
        found = User(connection, username="pat")
        equal(found.id, made.id)
        found.alter(full_name="Pat Miller", enabled=False)
        again = User(connection, id=made.id)
        equal((again.full_name, again.enabled), ("Pat Miller", False))
        equal(again.delete(force=True), True)
        equal(list_users(connection, abbreviation_begins="pat", to_dictionary=True), [])

    checks.run("User: created, found, altered, deleted", user)

    def groups():
        listed = list_user_groups(connection, to_dictionary=True)
        equal("Everyone" in names(listed), True)
        user = User(connection, username="dave")
        group = UserGroup.create(connection, name="Interop", members=[user.id])

        def members():
            # a new object: an old one keeps its last members when there are none any more
            return [one.name for one in UserGroup(connection, id=group.id).list_members() or []]

        equal(members(), ["dave"])
        group.remove_users([user.id])
        equal(members(), [])
        user.add_to_user_groups(group.id)
        equal(members(), ["dave"])
        equal(group.delete(force=True), True)

    checks.run("UserGroup: listed, created, members, deleted", groups)


def objects(checks, args, connection):
    def folders():
        top = names(list_folders(connection, project_id=args.project_id, to_dictionary=True))
        equal("Public Objects" in top, True)
        reports = get_predefined_folder_contents(
            connection, PredefinedFolders.PUBLIC_REPORTS,
            project_id=args.project_id, to_dictionary=True,
        )
        equal(args.report in names(reports), True)
        below = Folder(connection, path=f"/{args.project}/Public Objects/Reports")
        equal(names(below.get_contents(to_dictionary=True)), names(reports))
        made = Folder.create(connection, name="Interop", parent=below.id)
        equal(made.name, "Interop")
        made.alter(name="Interop 2", description="made by a test")
        contents = Folder(connection, id=below.id).get_contents(to_dictionary=True, type=8)
        equal([(one["name"], one["description"]) for one in contents],
              [("Interop 2", "made by a test")])
        equal(Folder(connection, id=made.id).delete(force=True), True)
        equal(below.get_contents(to_dictionary=True, type=8), [])

    checks.run("Folder: top, predefined, path, created, altered, deleted", folders)

    def searches():
        found = full_search(
            connection, project=args.project_id, name=args.report,
            object_types=ObjectTypes.REPORT_DEFINITION,
        )
        equal(args.report in names(found), True)
        report = next(one for one in found if one["name"] == args.report)
        used = full_search(
            connection, project=args.project_id, used_by_object_id=report["id"],
            used_by_object_type=ObjectTypes.REPORT_DEFINITION, object_types=ObjectTypes.METRIC,
        )
        equal(len(used) > 0, True)
        quick = quick_search(connection, project=args.project_id, name=args.report.lower(),
                             object_types=ObjectTypes.REPORT_DEFINITION, get_ancestors=True)
        equal(names(quick), names(found))
        equal([one["name"] for one in quick[0]["ancestors"]],
              [args.project, "Public Objects", "Reports"])

    checks.run("full_search and quick_search", searches)

    def nodes():
        listed = Cluster(connection).list_nodes()
        equal(len(listed) > 0, True)
        loaded = [one.name for one in listed[0].projects if one.id == args.project_id]
        equal(loaded, [args.project])

    checks.run("the nodes of the cluster", nodes)


def main():
    args = arguments()
    config.verbose = False
    config.progress_bar = False
    checks = Checks()
    control = Control(args.base_url)
    control.expire()
    with Connection(
        args.base_url, args.username, args.password, project_name=args.project, verbose=False
    ) as connection:
        people(checks, connection)
        objects(checks, args, connection)
    checks.run("nothing is left open", lambda: equal(control.modes(), []))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
