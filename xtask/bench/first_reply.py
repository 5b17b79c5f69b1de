"""The least program that logs in and asks something, by each of the peers. It prints a line when
the reply is there."""

import sys

CLIENT, BASE_URL, USER, PASSWORD = sys.argv[1:5]

if CLIENT == "mstr-rest-requests":
    from mstr.requests import AuthenticatedMSTRRESTSession

    with AuthenticatedMSTRRESTSession(
        base_url=BASE_URL, username=USER, password=PASSWORD
    ) as session:
        print(len(session.get_projects()), "projects", flush=True)
elif CLIENT == "mstr-rest-requests-async":
    import asyncio

    from mstr.requests import AsyncAuthenticatedMSTRRESTSession

    async def main():
        async with AsyncAuthenticatedMSTRRESTSession(
            base_url=BASE_URL, username=USER, password=PASSWORD
        ) as session:
            print(len(await session.get_projects()), "projects", flush=True)

    asyncio.run(main())
elif CLIENT == "mstrio":
    from mstrio.api.projects import get_projects
    from mstrio.connection import Connection

    with Connection(BASE_URL.removesuffix("/api/"), USER, PASSWORD, verbose=False) as connection:
        print(len(get_projects(connection).json()), "projects", flush=True)
else:
    raise SystemExit(f"no client {CLIENT}")
