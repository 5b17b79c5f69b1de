"""What the peers share: one line per check, a count at the end, the simulator's control channel."""

import json
import sys
import traceback
import urllib.request
from urllib.parse import urlsplit


class Checks:
    """Runs checks and remembers how they went."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def run(self, name, check):
        """Runs one check: a function that raises if something is not as it should be."""
        try:
            check()
        except Exception:  # whatever went wrong: report it, go on with the next one
            self.failed += 1
            print(f"FAILED {name}")
            traceback.print_exc(file=sys.stdout)
        else:
            self.passed += 1
            print(f"ok     {name}")

    def finish(self):
        """Prints the count and gives the exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def equal(got, wanted):
    """An assertion that says what it saw."""
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def raises(kind, call):
    """Expects an error of exactly this type and returns it."""
    try:
        call()
    except kind as error:
        equal(type(error), kind)
        return error
    raise AssertionError(f"no {kind.__name__}")


class Control:
    """The simulator's control endpoint, beside the API."""

    def __init__(self, base_url):
        parts = urlsplit(base_url)
        self.root = f"{parts.scheme}://{parts.netloc}/__sim__"

    def _send(self, method, path):
        request = urllib.request.Request(f"{self.root}/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def expire(self):
        """Ends all sessions and says how many there were."""
        return self._send("POST", "expire")["expired"]

    def advance(self, seconds):
        """Moves the server's clock."""
        self._send("POST", f"advance?seconds={seconds}")

    def clear_journal(self):
        """Forgets the requests so far."""
        self._send("POST", "clear-journal")

    def journal(self):
        """What was asked of the server: `METHOD /path`, in order."""
        return [f"{one['method']} {one['endpoint']}" for one in self._send("GET", "journal")]

    def table(self, name):
        """What a report or a cube holds, by its id: columns and rows."""
        return self._send("GET", f"table?id={name}")

    def modes(self):
        """The login modes of the sessions that are alive."""
        return [session["login_mode"] for session in self._send("GET", "sessions")]
