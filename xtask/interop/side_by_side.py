"""Our providers of secrets beside the SDKs of the clouds for Python and mstr-rest-requests.

Each case is asked of all of them, on the same emulator: moto for AWS, our stub for Azure and Google.
What is compared is the value, how often the emulator was asked for a secret (requests for tokens do not
count, repeated ones do), and the kind of failure. `BETTER` is the closed list of what differs on
purpose: a difference that is not in it fails, and so does an entry that no longer differs.
"""

import argparse
import functools
import json
import os
import sys

from side_by_side_table import PEER, SDK, Relay, Stub, Table, together

# case, whose outcome differs from ours, why ours is better
BETTER_EVERYWHERE = (
    ("field port", PEER, "a number is text, digit for digit, as a login needs it"),
    ("field on", PEER, "a boolean is no credential"),
    ("field none", PEER, "null is no credential"),
    ("field list", PEER, "a list is no credential"),
    ("a field of what is JSON but for NaN", PEER, "NaN is no JSON"),
    ("many at once", PEER, "one fetch for all"),
    ("the next login after a rotation", PEER, "a login has the secret of now"),
    ("the next login after the vault said no", PEER, "a revoked secret stays revoked"),
)
UTF_8 = "a binary secret may be text"
REGION = "an ARN is asked for in its region"
DISABLED = "a disabled version is denied, as in the other clouds"
UNREADABLE = "a reply without a payload is no secret"
CHECKSUM = "a payload with a wrong checksum is no secret"
BETTER = {
    (f"{cloud}: {case}", side): why
    for cloud in ("AWS", "Azure", "Google") for case, side, why in BETTER_EVERYWHERE
} | {
    ("AWS: a binary secret that is text", SDK): UTF_8,
    ("AWS: a binary secret that is text", PEER): UTF_8,
    ("AWS: an ARN of another region", SDK): REGION,
    ("AWS: an ARN of another region", PEER): REGION,
    ("AWS: parameter, an ARN of another region", SDK): REGION,
    ("AWS: parameter, an ARN of another region", PEER): REGION,
    ("Azure: a secret without a value", SDK): "no value is a failure",
    ("Google: disabled", SDK): DISABLED,
    ("Google: disabled", PEER): DISABLED,
    ("Google: garbles", SDK): UNREADABLE,
    ("Google: garbles", PEER): UNREADABLE,
    ("Google: a payload with a wrong checksum", SDK): CHECKSUM,
    ("Google: a payload with a wrong checksum", PEER): CHECKSUM,
}

FIELDS = {"username": "dave", "password": "pw-canary-1", "port": 443, "on": True, "none": None,
          "list": ["pw-canary-2"]}
JSON = json.dumps(FIELDS)


def main():
    args = arguments()
    relay = Relay(args.aws)
    environment(args, relay)
    # its program inherits the environment
    table = Table(args.program, BETTER)
    table.emulator = relay
    aws(args, table)
    table.emulator = Stub("Azure", args.http)
    azure(args, table)
    table.emulator = Stub("Google", args.http)
    google(args, table)
    return table.finish()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the example resolve_references")
    parser.add_argument("--aws", required=True, help="moto")
    parser.add_argument("--https", required=True, help="the stub of Azure")
    parser.add_argument("--http", required=True, help="the stub of Azure and Google")
    return parser.parse_args()


def environment(args, relay):
    """Where the emulators are, for all sides."""
    host = args.http.removeprefix("http://")
    os.environ.update({
        "AWS_ENDPOINT_URL": relay.url,
        # boto3 does not read AWS_REGION
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        # of Python the default is five attempts
        "AWS_RETRY_MODE": "standard",
        "AWS_MAX_ATTEMPTS": "3",
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": f"{args.http}/msi/token",
        "IDENTITY_HEADER": "app-service-header",
        "GCE_METADATA_HOST": host,
        "GCE_METADATA_IP": host,
        "NO_PROXY": "127.0.0.1,localhost",
        "HOME": "/nonexistent",
    })


def aws(args, table):
    import boto3
    from mstr.requests.credentials.aws import (
        ParameterStoreValues, SecretsManagerSecret, parameter_store, secrets_manager,
    )

    ours = table.ours
    sm = boto3.client("secretsmanager", endpoint_url=args.aws)
    made = {}

    def secret(name, text):
        made[name] = sm.create_secret(Name=name, SecretString=text)["ARN"]
        return name

    def sdk(name, **more):
        client = boto3.client("secretsmanager")
        return lambda: client.get_secret_value(SecretId=name, **more)["SecretString"]

    def whole(case, name, **more):
        table.case(case, lambda: ours("resolve", f"aws-sm:{name}"), sdk(name),
                   secrets_manager(name), **more)

    secret("json", JSON)
    for text in (" kept as it is \n", 'ünï \U0001f511 "\\', "x" * 65536):
        whole(f"text {text[:18]!r}", secret(f"text-{len(text)}", text))
    whole("no such secret", "missing")
    whole("by ARN", made["json"])
    whole("denied", "json-denied", mood="denies")
    whole("throttled", "json-throttled", mood="throttles")
    whole("a reply that cannot be read", "json-garbled", mood="garbles")
    sm.create_secret(Name="binary", SecretBinary=b"\xff\xfe")
    whole("a binary secret that is no text", "binary")
    sm.create_secret(Name="binary-text", SecretBinary="tëxt".encode())
    whole("a binary secret that is text", "binary-text")
    secret("deleted", "pw-canary-4")
    sm.delete_secret(SecretId="deleted")
    whole("marked for deletion", "deleted")
    fields(table, lambda name: f"aws-sm:{name}", secret, secrets_manager, SecretsManagerSecret,
           lambda name, text: sm.put_secret_value(SecretId=name, SecretString=text))

    first = sm.create_secret(Name="staged", SecretString="one")["VersionId"]
    sm.put_secret_value(SecretId="staged", SecretString="two")
    for option, more in (
        ("stage=AWSPREVIOUS", {"VersionStage": "AWSPREVIOUS"}),
        ("stage=NONE", {"VersionStage": "NONE"}),
        (f"version={first}", {"VersionId": first}),
        ("version=" + "0" * 32, {"VersionId": "0" * 32}),
    ):
        table.case(option.replace(first, "FIRST"),
                   lambda: ours("resolve", f"aws-sm:staged?{option}"), sdk("staged", **more))

    def elsewhere(service, **more):
        return boto3.client(service, endpoint_url=args.aws, region_name="us-west-2", **more)

    arn = elsewhere("secretsmanager").create_secret(Name="far", SecretString="far away")["ARN"]
    whole("an ARN of another region", arn)
    table.case("another region", lambda: ours("resolve", "aws-sm:far?region=us-west-2"),
               peer=secrets_manager("far", region_name="us-west-2"))

    ssm = boto3.client("ssm", endpoint_url=args.aws)

    def put(name, value, kind="SecureString", **more):
        ssm.put_parameter(Name=name, Value=value, Type=kind, **more)

    def parameter(case, name, **more):
        client = boto3.client("ssm")
        table.case(
            f"parameter, {case}", lambda: ours("resolve", f"aws-ssm:{name}"),
            lambda: client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"],
            parameter_store(name), **more)

    for kind in ("String", "SecureString", "StringList"):
        put(f"/it/{kind}", "a,b", kind)
        parameter(kind, f"/it/{kind}")
    put("/it/versions", "one")
    put("/it/versions", "two", Overwrite=True)
    ssm.label_parameter_version(Name="/it/versions", ParameterVersion=1, Labels=["old"])
    for selector in ("1", "9", "old", "gone"):
        parameter(f"selector {selector}", f"/it/versions:{selector}")
    parameter("none", "/it/none")
    parameter("by ARN", ssm.get_parameter(Name="/it/versions")["Parameter"]["ARN"])
    elsewhere("ssm").put_parameter(Name="/far", Value="far away", Type="String")
    parameter("an ARN of another region",
              elsewhere("ssm").get_parameter(Name="/far")["Parameter"]["ARN"])
    parameter("denied", "/it/denied", mood="denies")
    parameter("throttled", "/it/throttled", mood="throttles")

    names = [f"/group/{at:02}" for at in range(12)]
    for name in names:
        put(name, f"value of {name}")
    group = ParameterStoreValues()
    table.case("parameter, two of a group, twice",
               lambda: ours("resolve", *[f"aws-ssm:{name}" for name in names[:2] * 2]),
               peer=lambda: tuple(group.parameter(name)() for name in names[:2] * 2))

    def by_path():
        pages = boto3.client("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path="/group/", WithDecryption=True).search("Parameters")
        values = {one["Name"]: one["Value"] for one in found}
        return tuple(values[name] for name in names)

    table.case("parameter, twelve by path",
               lambda: ours("resolve", *[f"aws-ssm:/group/#{name[7:]}" for name in names]),
               by_path)


def fields(table, reference, put, value, cached, replace):
    """What a secret with several fields does, alike in all clouds."""
    ours = table.ours
    for field in ("password", "port", "on", "none", "list", "pass-word"):
        # each in a secret of its own: references to one share a fetch
        name = f"field-{field}"
        put(name, JSON)
        table.case(f"field {field}", lambda: ours("resolve", f"{reference(name)}#{field}"),
                   peer=value(name, key=field))
    for case, name, text in (
        ("a field of what is no JSON", "plain", "pw-canary-5"),
        ("a field of what is no object", "array", '["pw-canary-6"]'),
        ("a field that is there twice", "twice", '{"password": "pw-canary-7", "password": "last"}'),
        ("a field after a byte order mark", "mark", '\ufeff{"password": "pw-canary-8"}'),
        ("a field of what is JSON but for NaN", "nan", '{"password": "pw-canary-9", "n": NaN}'),
    ):
        put(name, text)
        table.case(case, lambda: ours("resolve", f"{reference(name)}#password"),
                   peer=value(name, key="password"))

    put("two", JSON)
    two, names = cached("two"), ("username", "password") * 2
    table.case("two fields, each twice",
               lambda: ours("resolve", *[f"{reference('two')}#{name}" for name in names]),
               peer=lambda: tuple(two.field(name)() for name in names))
    put("many", JSON)
    many = cached("many")
    table.case("many at once", lambda: ours("together", f"{reference('many')}#password"),
               peer=lambda: together(many.field("password")), several=True)

    def after(change, step):
        """What the next login has after a change."""
        def ask():
            step("resolve")
            change()
            return step("again")
        return ask

    for side in ("ours", "peer"):
        put(f"rotated-{side}", '{"password": "old"}')
    theirs = cached("rotated-peer")
    table.case(
        "the next login after a rotation",
        after(lambda: replace("rotated-ours", '{"password": "new"}'),
              lambda step: ours(step, f"{reference('rotated-ours')}#password")),
        peer=after(lambda: replace("rotated-peer", '{"password": "new"}'),
                   lambda _: theirs.field("password")()))
    put("revoked", '{"password": "old"}')
    revoked = cached("revoked")
    table.case(
        "the next login after the vault said no",
        after(lambda: table.emulator.mood("denies"),
              lambda step: ours(step, f"{reference('revoked')}#password")),
        peer=after(lambda: table.emulator.mood("denies"), lambda _: revoked.field("password")()))


def azure(args, table):
    import azure.identity
    import azure.keyvault.secrets as vaults
    from mstr.requests.credentials.azure import KeyVaultSecret, key_vault

    # the host of the stub is not that of its challenges, which the SDK would refuse
    vaults.SecretClient = functools.partial(vaults.SecretClient, verify_challenge_resource=False)
    stub, ours = table.emulator, table.ours
    client = vaults.SecretClient(args.https, azure.identity.DefaultAzureCredential())

    def reference(name):
        return f"azure-kv:https://interop.vault.azure.net/{name}"

    def resolve(name, options=""):
        # the stub goes by another name
        return lambda: ours("resolve", f"{reference(name)}?endpoint={args.http}{options}")

    def whole(case, name, **more):
        table.case(case, resolve(name), lambda: client.get_secret(name).value,
                   key_vault(args.https, name), **more)

    for at, text in enumerate((" kept as it is \n", 'ünï \U0001f511 "\\', "x" * 25000)):
        client.set_secret(f"text-{at}", text)
        whole(f"text {text[:18]!r}", f"text-{at}")
    whole("no such secret", "missing")
    stub.ask("without-value/nothing")
    whole("a secret without a value", "nothing")
    client.set_secret("off", "pw-canary-10")
    stub.ask("disable/off")
    whole("disabled", "off")
    for mood in ("denies", "throttles", "garbles"):
        client.set_secret(f"it-{mood}", "pw-canary-11")
        # how often it is tried is up to the SDK
        whole(mood, f"it-{mood}", mood=mood, several=mood == "throttles")
    first = client.set_secret("versions", "one").properties.version
    client.set_secret("versions", "two")
    for case, version in (("the first version", first), ("a version that is none", "f" * 32)):
        table.case(case, resolve("versions", f"&version={version}"),
                   lambda: client.get_secret("versions", version).value)

    fields(table, lambda name: f"{reference(name)}?endpoint={args.http}", client.set_secret,
           functools.partial(key_vault, args.https), functools.partial(KeyVaultSecret, args.https),
           client.set_secret)


def google(args, table):
    from google.auth import compute_engine
    from google.cloud import secretmanager
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceRestTransport,
    )
    from mstr.requests.credentials.gcp import SecretManagerSecret, secret_manager

    real = secretmanager.SecretManagerServiceClient

    class Client(real):
        """The SDK's, which asks the stub, over REST, and gives up sooner than after a minute."""

        def __init__(self):
            super().__init__(transport=SecretManagerServiceRestTransport(
                host=args.http.removeprefix("http://"), url_scheme="http",
                credentials=compute_engine.Credentials()))

        def access_secret_version(self, *arguments, **more):
            return super().access_secret_version(*arguments, timeout=5, **more)

    secretmanager.SecretManagerServiceClient = Client
    stub, ours = table.emulator, table.ours
    client = Client()

    def create(name, data):
        parent = client.create_secret(request={"parent": "projects/p", "secret_id": name,
                                               "secret": {"replication": {"automatic": {}}}})
        return add(parent.name, data)

    def add(parent, data):
        data = data if isinstance(data, bytes) else data.encode()
        payload = {"parent": parent, "payload": {"data": data}}
        return client.add_secret_version(request=payload).name

    def reference(name):
        return f"gcp-sm:projects/p/secrets/{name}?endpoint={args.http}"

    def sdk(name, version="latest"):
        name = f"projects/p/secrets/{name}/versions/{version}"
        return lambda: client.access_secret_version(name=name).payload.data.decode()

    def whole(case, name, version="latest", **more):
        table.case(case, lambda: ours("resolve", f"{reference(name)}&version={version}"),
                   sdk(name, version), secret_manager("p", name, version), **more)

    for at, text in enumerate((" kept as it is \n", 'ünï \U0001f511 "\\', "x" * 65536)):
        create(f"text-{at}", text)
        whole(f"text {text[:18]!r}", f"text-{at}")
    whole("no such secret", "missing")
    create("binary", b"\xff\xfe")
    whole("a binary secret that is no text", "binary")
    create("versions", "one")
    add("projects/p/secrets/versions", "two")
    for version in ("1", "2", "9"):
        whole(f"version {version}", "versions", version)
    client.disable_secret_version(request={"name": create("off", "pw-canary-12")})
    whole("disabled", "off", "1")
    for mood in ("denies", "throttles", "garbles"):
        create(f"it-{mood}", "pw-canary-13")
        whole(mood, f"it-{mood}", mood=mood, several=mood == "throttles")
    create("checksum", "pw-canary-14")
    stub.ask("checksum/wrong")
    whole("a payload with a wrong checksum", "checksum")
    stub.ask("checksum/right")

    fields(table, reference, create, functools.partial(secret_manager, "p"),
           functools.partial(SecretManagerSecret, "p"),
           lambda name, text: add(f"projects/p/secrets/{name}", text))


if __name__ == "__main__":
    sys.exit(main())
