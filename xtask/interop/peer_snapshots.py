"""Hands sessions over between the PyPI package mstr-rest-requests and our example `from_python`."""

import argparse
import asyncio
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import warnings

from mstr.requests import AsyncMSTRRESTSession, MSTRRESTSession

from checks import Checks, Control, equal

warnings.simplefilter("ignore", DeprecationWarning)

from mstr.requests.compat import MSTRRESTSession as RequestsSession  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    return parser.parse_known_args()[0]


class Sync:
    """The httpx flavour."""

    session = MSTRRESTSession
    token = "x-mstr-authtoken"

    def save(self, args):
        session = self.session(base_url=args.base_url)
        session.login(username=args.username, password=args.password)
        return session.json()

    def use(self, text):
        session = self.session(base_url=None) if self.session is RequestsSession else self.session()
        session.update_from_json(text)
        equal(session.has_session(), True)
        users = {session.get_userinfo().json()["fullName"] for _ in range(4)}
        session.extend_session()
        return users, session.json()

    def end(self, text):
        session = self.session(base_url=json.loads(text)["base_url"])
        session.update_from_json(text)
        session.logout()


class Requests(Sync):
    """The deprecated flavour."""

    session = RequestsSession
    token = "X-MSTR-AuthToken"

    def save(self, args):
        session = self.session(base_url=args.base_url)
        session.login(username=args.username, password=args.password)
        # it keeps the case that the server wrote: a real one writes this, the simulated one none
        session.headers[self.token] = session.headers.pop(self.token)
        return session.json()


class Async:
    """The httpx flavour for asyncio."""

    token = "x-mstr-authtoken"

    def save(self, args):
        async def run():
            async with AsyncMSTRRESTSession(base_url=args.base_url) as session:
                await session.login(username=args.username, password=args.password)
                return session.json()

        return asyncio.run(run())

    def use(self, text):
        async def run():
            async with AsyncMSTRRESTSession() as session:
                session.update_from_json(text)
                replies = [await session.get_userinfo() for _ in range(4)]
                await session.extend_session()
                return {reply.json()["fullName"] for reply in replies}, session.json()

        return asyncio.run(run())

    def end(self, text):
        async def run():
            async with AsyncMSTRRESTSession.from_dict(json.loads(text)) as session:
                await session.logout()

        asyncio.run(run())


def ours(args, *words):
    """Runs our program, and makes sure that no token comes out of it."""
    settings = {
        "MSTR_BASE_URL": args.base_url,
        "MSTR_USERNAME": args.username,
        "MSTR_PASSWORD": args.password,
    }
    program = os.environ["MSTR_SNAPSHOT_PROGRAM"]
    done = subprocess.run(
        [program, *map(str, words)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    equal((done.returncode, done.stderr), (0, ""))
    return done.stdout + done.stderr


def token(text, flavour=None):
    snapshot = json.loads(text)
    equal(sorted(snapshot), ["base_url", "cookies", "headers"])
    headers = snapshot["headers"]
    if flavour:
        return headers[flavour.token]
    return next(value for name, value in headers.items() if name.lower() == "x-mstr-authtoken")


def check(checks, args, control, name, flavour):
    def session_of(text, logins):
        """One session, that of the text, and so many logins since the journal was cleared."""
        equal(len(control.modes()), 1)
        equal(control.journal().count("POST /auth/login"), logins)
        return token(text)

    def python_to_rust():
        with tempfile.TemporaryDirectory() as folder:
            control.clear_journal()
            theirs = flavour.save(args)
            held = token(theirs, flavour)
            taken, back = pathlib.Path(folder, "taken.json"), pathlib.Path(folder, "back.json")
            taken.write_text(theirs, encoding="utf-8")
            said = ours(args, "restore", taken)
            equal(said.splitlines()[0], f"user: {args.username}")
            equal("projects: " in said and held not in said, True)
            # and back: what it has become there
            equal(held not in ours(args, "hand-back", taken, back), True)
            equal(stat.S_IMODE(back.stat().st_mode), 0o600)
            text = back.read_text(encoding="utf-8")
            equal(session_of(text, 1), held)
            users, _ = flavour.use(text)
            equal(users, {args.username})
            flavour.end(text)
            equal(control.modes(), [])

    def rust_to_python():
        with tempfile.TemporaryDirectory() as folder:
            control.clear_journal()
            saved, back = pathlib.Path(folder, "saved.json"), pathlib.Path(folder, "back.json")
            said = ours(args, "save", saved)
            equal(stat.S_IMODE(saved.stat().st_mode), 0o600)
            text = saved.read_text(encoding="utf-8")
            held = session_of(text, 1)
            equal(held not in said, True)
            users, theirs = flavour.use(text)
            equal(users, {args.username})
            # and back: what it has become there
            equal(token(theirs), held)
            back.write_text(theirs, encoding="utf-8")
            equal(ours(args, "restore", back).splitlines()[0], f"user: {args.username}")
            equal(session_of(theirs, 1), held)
            flavour.end(theirs)
            equal(control.modes(), [])

    def forgotten():
        with tempfile.TemporaryDirectory() as folder:
            theirs = flavour.save(args)
            equal(control.expire(), 1)
            taken = pathlib.Path(folder, "taken.json")
            taken.write_text(theirs, encoding="utf-8")
            try:
                ours(args, "restore", taken)
            except AssertionError as error:
                equal("no longer knows" in str(error) and token(theirs) not in str(error), True)
            else:
                raise AssertionError("an expired session was restored")

    checks.run(f"{name}: saved there, restored and used here, and back", python_to_rust)
    checks.run(f"{name}: saved here, restored and used there, and back", rust_to_python)
    checks.run(f"{name}: a session that expired meanwhile is told", forgotten)


def main():
    args = arguments()
    checks = Checks()
    control = Control(args.base_url)
    control.expire()
    check(checks, args, control, "httpx sync", Sync())
    check(checks, args, control, "httpx async", Async())
    check(checks, args, control, "requests", Requests())
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
