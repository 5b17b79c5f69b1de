"""Makes identities in ministack, and profiles of them: what they may do is enforced there."""

import json
import sys

import botocore.session

ROLE = "arn:aws:iam::000000000000:role/"


def policy(actions, resource="*"):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def main(url, path):
    session = botocore.session.Session()
    iam = session.create_client(
        "iam",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    user = iam.create_user(UserName="nobody")["User"]["Arn"]
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    nobody = (key["AccessKeyId"], key["SecretAccessKey"])
    iam.put_user_policy(
        UserName="nobody",
        PolicyName="assume",
        PolicyDocument=policy("sts:AssumeRole", ROLE + "reader"),
    )
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust(user))
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="read",
        PolicyDocument=policy(["secretsmanager:GetSecretValue", "ssm:GetParameter*"]),
    )
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=trust("arn:aws:iam::000000000000:root"))
    keys = {
        "root": ("test", "test"),
        "nobody": nobody,
        "wrong-key": (nobody[0], "wrong"),
        "unknown": ("AKIAUNKNOWNUNKNOWN00", "wrong"),
    }
    with open(path, "w", encoding="utf-8") as file:
        for name, (key_id, secret) in keys.items():
            print(f"[profile {name}]\nregion = eu-west-1", file=file)
            print(f"aws_access_key_id = {key_id}\naws_secret_access_key = {secret}", file=file)
        for role in ("reader", "admin"):
            print(f"[profile {role}]\nregion = eu-west-1", file=file)
            print(f"role_arn = {ROLE}{role}\nsource_profile = nobody", file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
