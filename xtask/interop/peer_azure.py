"""Drives Azure's own SDK for Python against the stub, and leaves a secret for the Rust example."""

import argparse
import json
import os
import sys

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

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

    def credential(secret="entra-client-secret"):
        return ClientSecretCredential(
            "tenant", "me", secret, authority=args.url, disable_instance_discovery=True
        )

    def client(credential, verify=False):
        # the stub's host is not that of its challenges, which the SDK would refuse
        return SecretClient(args.url, credential, verify_challenge_resource=verify)

    def writes_and_reads():
        vault = client(credential())
        old = vault.set_secret("py", "one").properties.version
        vault.set_secret("py", "two")
        equal(vault.get_secret("py").value, "two")
        equal(vault.get_secret("py", old).value, "one")

    def refuses():
        vault = client(credential())
        equal(raises(ResourceNotFoundError, lambda: vault.get_secret("none")).error.code,
              "SecretNotFound")
        wrong = client(credential("wrong"))
        raises(ClientAuthenticationError, lambda: wrong.get_secret("py"))

    def verifies_the_challenge():
        vault = client(credential(), verify=True)
        raises(ValueError, lambda: vault.get_secret("py"))

    def managed_identities():
        chain = dict(disable_instance_discovery=True)
        os.environ["IDENTITY_ENDPOINT"] = f"{args.url}/msi/token"
        os.environ["IDENTITY_HEADER"] = "app-service-header"
        equal(client(DefaultAzureCredential(**chain)).get_secret("py").value, "two")
        os.environ["IDENTITY_HEADER"] = "wrong"
        raises_any(lambda: client(DefaultAzureCredential(**chain)).get_secret("py"))

    def leaves_a_secret():
        value = json.dumps({"username": args.username, "password": args.password})
        client(credential()).set_secret(args.secret, value)

    checks.run("Key Vault: versions, written and read", writes_and_reads)
    checks.run("Key Vault: what is refused", refuses)
    checks.run("Key Vault: a challenge of another domain", verifies_the_challenge)
    checks.run("Key Vault: the identity of App Service", managed_identities)
    checks.run("Key Vault: a secret for Rust", leaves_a_secret)
    return checks.finish()


def raises_any(call):
    """The chain has several errors for an identity that is refused."""
    try:
        call()
    except (ClientAuthenticationError, HttpResponseError):
        return
    raise AssertionError("no error")


if __name__ == "__main__":
    sys.exit(main())
