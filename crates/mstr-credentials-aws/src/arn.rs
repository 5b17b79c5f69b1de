//! ARNs.

/// The region that an ARN names. Nothing else has that secret.
pub(crate) fn region_of_arn(id: &str) -> Option<String> {
    let mut parts = id.strip_prefix("arn:")?.split(':');
    let region = parts.nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

/// What a text names of Secrets Manager: a secret by its name or ARN, or an ARN as it stands in
/// `valueFrom` of an ECS task definition, which goes on with field, stage and version:
/// `arn:aws:secretsmanager:eu-west-1:123456789012:secret:NAME-AbCdEf:FIELD:STAGE:VERSION`. Each of
/// the three may be empty.
#[cfg(feature = "secrets-manager")]
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SecretId {
    pub(crate) id: String,
    pub(crate) field: Option<String>,
    pub(crate) stage: Option<String>,
    pub(crate) version: Option<String>,
}

#[cfg(feature = "secrets-manager")]
impl SecretId {
    /// How many parts the ARN of a secret has.
    const ARN: usize = 7;

    pub(crate) fn parse(text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let of_task = matches!(parts[..], ["arn", _, "secretsmanager", _, _, "secret", _, _, ..])
            && parts.len() <= Self::ARN + 3;
        if !of_task {
            return Self { id: text.to_owned(), ..Self::default() };
        }
        let part = |at: usize| {
            let part = parts.get(Self::ARN + at).filter(|part| !part.is_empty())?;
            Some((*part).to_owned())
        };
        Self { id: parts[..Self::ARN].join(":"), field: part(0), stage: part(1), version: part(2) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_their_region() {
        for (id, region) in [
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf", Some("eu-west-1")),
            ("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b", Some("cn-north-1")),
            ("arn:aws:secretsmanager::1:secret:x", None),
            ("arn:aws", None),
            ("prod/mstr", None),
            ("a:b:c:d:e", None),
        ] {
            assert_eq!(region_of_arn(id).as_deref(), region, "{id}");
        }
    }

    #[cfg(feature = "secrets-manager")]
    #[test]
    fn arns_of_task_definitions_name_field_stage_and_version() {
        const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf";
        for (rest, parts) in [
            ("", [None, None, None]),
            (":password::", [Some("password"), None, None]),
            (":password", [Some("password"), None, None]),
            ("::AWSPREVIOUS:", [None, Some("AWSPREVIOUS"), None]),
            (":f::v-1", [Some("f"), None, Some("v-1")]),
            (":::", [None, None, None]),
        ] {
            let found = SecretId::parse(&format!("{ARN}{rest}"));
            let [field, stage, version] = parts.map(|part| part.map(str::to_owned));
            assert_eq!(found, SecretId { id: ARN.to_owned(), field, stage, version }, "{rest}");
        }
        // not of that form: AWS says what is wrong
        for text in ["prod/mstr", "a:b", &format!("{ARN}:a:b:c:d"), "arn:aws:ssm:r:1:parameter/a:3"]
        {
            let nothing_else = SecretId { id: text.to_owned(), ..SecretId::default() };
            assert_eq!(SecretId::parse(text), nothing_else);
        }
    }
}
