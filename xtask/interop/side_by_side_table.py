"""What `side_by_side.py` runs its cases with: the table, our side, and the emulators."""

import json
import subprocess
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SDK, PEER = "SDK", "mstr-rest-requests"


class Table:
    """Runs cases and compares their outcomes.

    `better` has a reason for each difference that is on purpose, by case and side.
    """

    def __init__(self, program, better):
        self.ours, self.better = Ours(program), better
        self.emulator = None
        self.differed = set()
        self.cases = 0
        self.problems = []

    def case(self, name, ours, sdk=None, peer=None, mood="answers", several=False):
        """Functions that give a value, or a tuple of values, or raise.

        `several`: that there were several calls is compared, not how many.
        """
        self.cases += 1
        name = f"{self.emulator.name}: {name}"
        mine = self.outcome(ours, mood, several)
        print(f"{name}\n    ours: {shown(mine)}")
        for side, ask in ((SDK, sdk), (PEER, peer)):
            if ask is None:
                continue
            theirs = self.outcome(ask, mood, several)
            why = self.better.get((name, side))
            if theirs == mine:
                mark = "same"
            else:
                self.differed.add((name, side))
                mark = f"ours is better: {why}" if why else "DIFFERENT"
                if not why:
                    self.problems.append(f"{name}: {side} has {shown(theirs)}, ours {shown(mine)}")
            print(f"    {side}: {shown(theirs)}  [{mark}]")

    def outcome(self, ask, mood, several):
        """What came, and how often the emulator was asked."""
        self.emulator.mood(mood)
        before = self.emulator.fetches()
        try:
            got = ask()
            got = [("value", value) for value in (got if isinstance(got, tuple) else (got,))]
        except Exception as error:  # of every kind: that is what is compared
            # a parser that fails at a broken reply, not at the secret
            broken = mood == "garbles" and kind(error) == "unreadable"
            got = [("failure", "cannot be fetched" if broken else kind(error))]
        calls = self.emulator.fetches() - before
        self.emulator.mood("answers")
        return got, min(calls, 2) if several else calls

    def finish(self):
        """Says what is wrong and gives the exit code."""
        self.problems += [f"{case}, {side}: it is in the list and does not differ"
                          for case, side in self.better if (case, side) not in self.differed]
        self.problems += self.ours.leaks
        for problem in self.problems:
            print(f"FAILED {problem}")
        print(f"{self.cases} cases, {len(self.differed)} outcomes differ, "
              f"{len(self.problems)} problems")
        return 1 if self.problems or not self.cases else 0


def shown(outcome):
    got, calls = outcome
    parts = [json.dumps(what, ensure_ascii=False) if of == "value" else what for of, what in got]
    return f"{', '.join(parts)} ({calls} calls)"


class Failure(Exception):
    """A failure of ours, by its kind."""


class Ours:
    """The program with our providers."""

    def __init__(self, program):
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, encoding="utf-8")
        self.leaks = []

    def __call__(self, command, *references):
        self.child.stdin.write("\t".join([command, *references]) + "\n")
        self.child.stdin.flush()
        return tuple(self.read(line) for line in [self.child.stdout.readline() for _ in references])

    def read(self, line):
        outcome = json.loads(line)
        if "value" in outcome:
            return outcome["value"]
        says, failure = outcome["says"], outcome["failure"]
        if "canary" in says:
            self.leaks.append(f"an error holds a secret: {says}")
        for words, known in ((" has no field ", "no such field"), (" has no value", "no value")):
            if failure == "unreadable" and words in says and "so it has" not in says:
                failure = known
        raise Failure(failure)


AWS_CODES = {
    "ResourceNotFoundException": "not found",
    "ParameterNotFound": "not found",
    "ParameterVersionNotFound": "not found",
    "AccessDeniedException": "access denied",
    "ThrottlingException": "throttled",
}
STATUSES = {401: "access denied", 403: "access denied", 404: "not found", 429: "throttled"}


def kind(error):
    """The kind of a failure, in our words."""
    response = getattr(error, "response", None)
    if isinstance(error, Failure):
        return str(error)
    if isinstance(response, dict) and "Error" in response:
        return AWS_CODES.get(response["Error"]["Code"], "cannot be fetched")
    # of azure-core; of google-api-core
    for status in (getattr(error, "status_code", None), getattr(error, "code", None)):
        if isinstance(status, int):
            return STATUSES.get(status, "cannot be fetched")
    if isinstance(error, KeyError):
        # a binary secret has none
        return "unreadable" if error.args == ("SecretString",) else "no such field"
    if isinstance(error, ValueError) and "has no value" in str(error):
        return "no value"
    if isinstance(error, (ValueError, TypeError)):
        return "unreadable"
    return type(error).__name__


def together(ask):
    """What many threads have at once, if they have the same."""
    with ThreadPoolExecutor(10) as threads:
        answers = {done.result() for done in [threads.submit(ask) for _ in range(10)]}
    return tuple(sorted(answers))


class Relay:
    """Passes requests on to moto and counts those for secrets; or answers as the mood says."""

    name = "AWS"

    def __init__(self, moto):
        self.moto, self.count, self.state, self.lock = moto, 0, "answers", threading.Lock()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                status, body = relay.answer(self)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"

    def answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if ".Get" in request.headers["X-Amz-Target"]:
            with self.lock:
                self.count += 1
            refusals = {"denies": "AccessDeniedException", "throttles": "ThrottlingException"}
            if self.state in refusals:
                code = refusals[self.state]
                return 400, json.dumps({"__type": code, "message": "no"}).encode()
            if self.state == "garbles":
                return 200, b'{"SecretString": "pw-canary-3'
        onward = urllib.request.Request(self.moto, data=body, headers=dict(request.headers))
        try:
            with urllib.request.urlopen(onward, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def mood(self, mood):
        self.state = mood

    def fetches(self):
        return self.count


class Stub:
    """The stub of both."""

    def __init__(self, name, url):
        self.name, self.url = name, url

    def ask(self, path, method="POST"):
        request = urllib.request.Request(f"{self.url}/__stub__/{path}", method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()

    def mood(self, mood):
        self.ask(f"mood/{mood}")

    def fetches(self):
        return int(self.ask("fetches", "GET"))
