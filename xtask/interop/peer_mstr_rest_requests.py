"""Drives the PyPI package mstr-rest-requests, sync and async, against the simulated server."""

import argparse
import asyncio
import sys

from mstr.requests import (
    AsyncAuthenticatedMSTRRESTSession,
    AsyncMSTRRESTSession,
    AuthenticatedMSTRRESTSession,
    MSTRRESTSession,
)
from mstr.requests.rest.exceptions import (
    LoginFailureException,
    ResourceNotFoundException,
    SessionException,
)

from checks import Checks, Control, equal, raises


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--trusted-user", required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--project-id", required=True)
    parser.add_argument("--idle-timeout", type=int, required=True)
    return parser.parse_args()


def logins(args):
    """Every way to log in that the package has: its arguments, the login mode, the user."""
    return {
        "standard": ({"username": args.username, "password": args.password}, 1, args.username),
        "API key": ({"api_key": args.api_key}, 4096, args.username),
        "trusted": ({"username": args.trusted_user}, 4096, args.trusted_user),
        "anonymous": ({}, 8, "Guest"),
    }


def check_sync(checks, args, control):
    def session():
        return MSTRRESTSession(base_url=args.base_url)

    def authenticated(**credentials):
        return AuthenticatedMSTRRESTSession(base_url=args.base_url, **credentials)

    known = {"username": args.username, "password": args.password}

    for name, (credentials, mode, user) in logins(args).items():

        def by_hand(credentials=credentials, mode=mode, user=user):
            with session() as s:
                reply = s.login(**credentials)
                equal(reply.status_code, 204)
                equal(s.has_session(), True)
                equal(s.cookies["iSession"], s.headers["X-MSTR-AuthToken"])
                equal(control.modes(), [mode])
                equal(s.get_userinfo().json()["fullName"], user)
                s.logout()
                equal(s.has_session(), False)
            equal(control.modes(), [])

        def scoped(credentials=credentials, mode=mode):
            with authenticated(**credentials) as s:
                equal(control.modes(), [mode])
                equal(s.extend_session().status_code, 204)
            equal(control.modes(), [])

        checks.run(f"sync: {name} login and logout by hand", by_hand)
        checks.run(f"sync: {name} login and logout by a with block", scoped)

    def wrong_password():
        with session() as s:
            error = raises(
                LoginFailureException, lambda: s.login(username=args.username, password="wrong")
            )
            equal((error.code, error.message), ("ERR003", "ERR003: Login failed."))
            equal(s.has_session(), False)

    checks.run("sync: a wrong password is a login failure, ERR003", wrong_password)

    def wrong_key():
        with session() as s:
            raises(LoginFailureException, lambda: s.login(api_key="wrong"))

    checks.run("sync: a wrong API key is a login failure", wrong_key)

    def sessions():
        with authenticated(**known) as s:
            info = s.get_session_info()
            equal((info.status_code, info.json()["timeout"]), (200, args.idle_timeout))
            equal(s.extend_session().status_code, 204)
            equal(s.get_userinfo().json()["metadataUser"], True)
            privileges = s.get("sessions/privileges").json()
            one = s.get(f"sessions/privileges/{privileges[0]['id']}").json()
            equal(one, privileges[0])
            project = s.get(f"sessions/{args.project_id}").json()
            equal(project["projectId"], args.project_id)

    checks.run("sync: session endpoints", sessions)

    def projects():
        with authenticated(**known) as s:
            listed = {one["name"]: one["id"] for one in s.get_projects()}
            equal(listed[args.project], args.project_id)
            s.load_projects()
            equal(s.get_project_id(args.project), args.project_id)
            equal(s.resolve_project_id(args.project), args.project_id)
            raises(ResourceNotFoundException, lambda: s.resolve_project_id("no such project"))
            one = s.get(f"projects/{args.project}").json()
            equal(one["id"], args.project_id)
            by_name = s.get(f"objects/{args.project_id}?type=32", project=args.project)
            equal(by_name.json()["name"], args.project)

    checks.run("sync: projects by list, id and name", projects)

    def delegation():
        with authenticated(**known) as owner:
            token = owner.create_identity_token()
            valid = owner.get("auth/identityToken", headers={"X-MSTR-IdentityToken": token})
            equal(valid.status_code, 200)
            with authenticated(identity_token=token) as s:
                equal(control.modes(), [1, -1])
                equal(s.get_userinfo().json()["fullName"], args.username)
            # This package leaves delegated sessions open: they belong to the owner.
            equal(control.modes(), [1, -1])
            with session() as s:
                s.delegate(token)
                s.logout()
            with session() as s:
                raises(LoginFailureException, lambda: s.delegate("no such token"))
        control.expire()

    checks.run("sync: identity token, delegation, and a wrong token", delegation)

    def expired():
        with session() as s:
            s.login(**known)
            equal(control.expire(), 1)
            error = raises(SessionException, s.get_projects)
            equal(error.code, "ERR009")
            equal(error.response.status_code, 401)
            raises(SessionException, s.extend_session)

    checks.run("sync: an expired session is a session error, ERR009", expired)

    def idle():
        with session() as s:
            s.login(**known)
            control.advance(args.idle_timeout - 60)
            s.extend_session()
            control.advance(args.idle_timeout - 60)
            s.get_projects()
            control.advance(args.idle_timeout)
            raises(SessionException, s.get_projects)

    checks.run("sync: a session lives by being used and dies idle", idle)

    def relogin():
        with authenticated(**known, relogin=True) as s:
            control.expire()
            control.clear_journal()
            equal(len(s.get_projects()) > 0, True)
            equal(control.journal(), ["GET /projects", "POST /auth/login", "GET /projects"])
            equal(control.modes(), [1])
        equal(control.modes(), [])

    checks.run("sync: an expired session logs in again and repeats the request", relogin)

    def unknown():
        with authenticated(**known) as s:
            error = raises(ResourceNotFoundException, lambda: s.get("no/such/path"))
            equal((error.code, error.response.status_code), ("ERR004", 404))
            error = raises_any(lambda: s.delete("auth/login"))
            equal((error.code, error.response.status_code), ("ERR001", 405))

    checks.run("sync: unknown path ERR004, wrong method ERR001", unknown)


def raises_any(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("no error")


async def araises(kind, awaitable):
    try:
        await awaitable
    except kind as error:
        equal(type(error), kind)
        return error
    raise AssertionError(f"no {kind.__name__}")


def check_async(checks, args, control):
    def session():
        return AsyncMSTRRESTSession(base_url=args.base_url)

    def authenticated(**credentials):
        return AsyncAuthenticatedMSTRRESTSession(base_url=args.base_url, **credentials)

    known = {"username": args.username, "password": args.password}

    def check(name, flow, *flow_arguments):
        checks.run(f"async: {name}", lambda: asyncio.run(flow(*flow_arguments)))

    async def by_hand(credentials, mode, user):
        async with session() as s:
            equal((await s.login(**credentials)).status_code, 204)
            equal(control.modes(), [mode])
            equal((await s.get_userinfo()).json()["fullName"], user)
            await s.logout()
            equal(s.has_session(), False)
        equal(control.modes(), [])

    async def scoped(credentials, mode, _user):
        async with authenticated(**credentials) as s:
            equal(control.modes(), [mode])
            equal((await s.extend_session()).status_code, 204)
        equal(control.modes(), [])

    for name, login in logins(args).items():
        check(f"{name} login and logout by hand", by_hand, *login)
        check(f"{name} login and logout by a with block", scoped, *login)

    async def wrong_password():
        async with session() as s:
            login = s.login(username=args.username, password="wrong")
            error = await araises(LoginFailureException, login)
            equal(error.code, "ERR003")

    check("a wrong password is a login failure, ERR003", wrong_password)

    async def sessions():
        async with authenticated(**known) as s:
            info = (await s.get_session_info()).json()
            equal(info["timeout"], args.idle_timeout)
            equal((await s.get_userinfo()).json()["fullName"], args.username)

    check("session endpoints", sessions)

    async def projects():
        async with authenticated(**known) as s:
            equal(await s.resolve_project_id(args.project), args.project_id)
            listed = {one["name"]: one["id"] for one in await s.get_projects()}
            equal(listed[args.project], args.project_id)
            missing = s.resolve_project_id("no such project")
            await araises(ResourceNotFoundException, missing)

    check("projects by list and name", projects)

    async def delegation():
        async with authenticated(**known) as owner:
            token = await owner.create_identity_token()
            async with authenticated(identity_token=token) as s:
                equal((await s.get_userinfo()).json()["fullName"], args.username)
        equal(control.expire(), 1)

    check("identity token and delegation", delegation)

    async def expired():
        async with session() as s:
            await s.login(**known)
            equal(control.expire(), 1)
            error = await araises(SessionException, s.get_projects())
            equal(error.code, "ERR009")

    check("an expired session is a session error, ERR009", expired)

    async def relogin():
        async with authenticated(**known, relogin=True) as s:
            control.expire()
            control.clear_journal()
            lists = await asyncio.gather(*(s.get_projects() for _ in range(8)))
            equal(len(lists), 8)
            equal(control.journal().count("POST /auth/login"), 1)
        equal(control.modes(), [])

    check("eight tasks that meet an expired session log in once", relogin)


def main():
    args = arguments()
    checks = Checks()
    control = Control(args.base_url)
    control.expire()
    check_sync(checks, args, control)
    check_async(checks, args, control)
    checks.run("nothing is left open", lambda: equal(control.modes(), []))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
