"""Drives Google's own SDK for Python against the stub, and leaves a secret for the Rust example."""

import argparse
import json
import sys

from google.api_core.exceptions import BadRequest, NotFound
from google.auth import compute_engine
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import InvalidOperation
from google.auth.transport.requests import Request
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceRestTransport,
)

from checks import Checks, equal, raises


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    return parser.parse_args()


def main():
    args = arguments()
    checks = Checks()

    def client(credentials):
        transport = SecretManagerServiceRestTransport(
            host=args.url.removeprefix("http://"), url_scheme="http", credentials=credentials
        )
        return secretmanager.SecretManagerServiceClient(transport=transport)

    def machine():
        credentials = compute_engine.Credentials()
        credentials.refresh(Request())
        return credentials

    def write(manager, secret, data):
        parent = manager.create_secret(
            request={
                "parent": "projects/p",
                "secret_id": secret,
                "secret": {"replication": {"automatic": {}}},
            }
        ).name
        return manager.add_secret_version(
            request={"parent": parent, "payload": {"data": data}}
        ).name

    def writes_and_reads():
        manager = client(machine())
        name = write(manager, "py", b"\xff\xfeone")
        equal(name, "projects/p/secrets/py/versions/1")
        write(manager, "py", b"two")
        got = manager.access_secret_version(request={"name": name}).payload
        equal(got.data, b"\xff\xfeone")
        latest = "projects/p/secrets/py/versions/latest"
        got = manager.access_secret_version(request={"name": latest})
        equal(got.payload.data, b"two")
        equal(got.name, "projects/p/secrets/py/versions/2")

    def refuses():
        manager = client(machine())
        missing = {"name": "projects/p/secrets/none/versions/latest"}
        raises(NotFound, lambda: manager.access_secret_version(request=missing))
        name = write(manager, "off", b"x")
        manager.disable_secret_version(request={"name": name})
        # over REST the SDK tells no more than the status
        error = raises(BadRequest, lambda: manager.access_secret_version(request={"name": name}))
        equal("DISABLED" in str(error), True)
        nobody = client(AnonymousCredentials())
        # after a 401 the SDK wants another token, of credentials that have none
        raises(InvalidOperation, lambda: nobody.access_secret_version(request={"name": name}))

    def leaves_a_secret():
        value = json.dumps({"username": args.username, "password": args.password})
        write(client(machine()), args.secret, value.encode())

    checks.run("Secret Manager: versions, written and read", writes_and_reads)
    checks.run("Secret Manager: what is refused", refuses)
    checks.run("Secret Manager: a secret for Rust", leaves_a_secret)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
