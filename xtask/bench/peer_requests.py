"""Peers that make small requests: mstr-rest-requests, sync and async, and mstrio-py."""

import asyncio

from worker import adrive, arguments, check, drive, say, tasks

KILOBYTE = "bench/kilobyte"


def sync(args):
    from mstr.requests import AuthenticatedMSTRRESTSession

    with AuthenticatedMSTRRESTSession(
        base_url=args.base_url, username=args.user, password=args.password
    ) as session:
        calls = {
            "projects": lambda: check(session.get_projects()),
            "kilobyte": lambda: check(session.get(KILOBYTE).content),
        }
        for task in tasks():
            say(drive(calls[task["request"]], task["concurrency"], task["millis"]))


async def asynchronous(args):
    from mstr.requests import AsyncAuthenticatedMSTRRESTSession

    async with AsyncAuthenticatedMSTRRESTSession(
        base_url=args.base_url, username=args.user, password=args.password
    ) as session:

        async def projects():
            check(await session.get_projects())

        async def kilobyte():
            check((await session.get(KILOBYTE)).content)

        calls = {"projects": projects, "kilobyte": kilobyte}
        # nothing else runs while a worker waits for its next task
        for task in tasks():
            say(await adrive(calls[task["request"]], task["concurrency"], task["millis"]))


def mstrio(args):
    from mstrio import config
    from mstrio.api.projects import get_projects
    from mstrio.connection import Connection

    config.verbose = False
    with Connection(
        args.base_url.removesuffix("/api/"),
        args.user,
        args.password,
        project_name=args.project,
        verbose=False,
    ) as connection:
        calls = {
            "projects": lambda: check(get_projects(connection).json()),
            "kilobyte": lambda: check(connection.get(endpoint=f"/api/{KILOBYTE}").content),
        }
        for task in tasks():
            say(drive(calls[task["request"]], task["concurrency"], task["millis"]))


def main():
    args = arguments(__doc__)
    if args.client == "mstr-rest-requests-async":
        asyncio.run(asynchronous(args))
    elif args.client == "mstr-rest-requests":
        sync(args)
    elif args.client == "mstrio":
        mstrio(args)
    else:
        raise SystemExit(f"no client {args.client}")


if __name__ == "__main__":
    main()
