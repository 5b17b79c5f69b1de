//! Which links of the chain are asked.

/// Who asks the vault: the whole chain, or one link of it.
///
/// The [crate documentation](crate) tells what configures each.
///
/// ```
/// use mstr_credentials_azure::{Identity, key_vault};
///
/// let password = key_vault("https://prod.vault.azure.net", "mstr")
///     .identity(Identity::ManagedIdentity);
/// # let _ = password;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// The first that is configured.
    #[default]
    Chain,
    /// A service principal with a secret, from the environment.
    Environment,
    /// A Kubernetes service account.
    WorkloadIdentity,
    /// That of an App Service, a virtual machine ...
    ManagedIdentity,
    /// Who is logged in to `az`.
    AzureCli,
    /// Who is logged in to `azd`.
    AzureDeveloperCli,
}

/// What `AZURE_TOKEN_CREDENTIALS` may say.
pub(crate) fn selectable() -> Vec<&'static str> {
    let names = LINKS.iter().map(|(_, _, python, _)| *python);
    ["prod", "dev"].into_iter().chain(names).collect()
}

/// All links in the order of the chain, with the names of references, of the Python peer, and
/// whether they belong to its `prod` group.
pub(crate) const LINKS: [(Identity, &str, &str, bool); 5] = [
    (Identity::Environment, "environment", "EnvironmentCredential", true),
    (Identity::WorkloadIdentity, "workload-identity", "WorkloadIdentityCredential", true),
    (Identity::ManagedIdentity, "managed-identity", "ManagedIdentityCredential", true),
    (Identity::AzureCli, "azure-cli", "AzureCliCredential", false),
    (Identity::AzureDeveloperCli, "azure-developer-cli", "AzureDeveloperCliCredential", false),
];

impl Identity {
    /// What a reference calls it.
    pub(crate) fn from_option(text: &str) -> Option<Self> {
        LINKS.iter().find(|(_, name, ..)| *name == text).map(|(identity, ..)| *identity)
    }

    /// Its links, given `AZURE_TOKEN_CREDENTIALS`; `None` when that names nothing that there is.
    pub(crate) fn links(self, selected: Option<&str>) -> Option<Vec<Self>> {
        if self != Self::Chain {
            return Some(vec![self]);
        }
        let Some(selected) = selected else {
            return Some(LINKS.iter().map(|(identity, ..)| *identity).collect());
        };
        let links: Vec<_> = LINKS
            .iter()
            .filter(|(_, _, python, production)| match selected.to_ascii_lowercase().as_str() {
                "prod" => *production,
                "dev" => !*production,
                name => python.eq_ignore_ascii_case(name),
            })
            .map(|(identity, ..)| *identity)
            .collect();
        (!links.is_empty()).then_some(links)
    }

    /// How errors call it.
    pub(crate) fn name(self) -> &'static str {
        LINKS.iter().find(|(identity, ..)| *identity == self).map_or("chain", |(_, name, ..)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_chain() {
        use Identity::{AzureCli, AzureDeveloperCli, Chain, Environment, ManagedIdentity};
        assert_eq!(Chain.links(None).unwrap().len(), 5);
        assert_eq!(Chain.links(Some("PROD")).unwrap().len(), 3);
        assert_eq!(Chain.links(Some("dev")).unwrap(), [AzureCli, AzureDeveloperCli]);
        assert_eq!(Chain.links(Some("environmentcredential")).unwrap(), [Environment]);
        assert_eq!(Chain.links(Some("VisualStudioCodeCredential")), None);
        // what the program demands is not up to the environment
        assert_eq!(ManagedIdentity.links(Some("dev")).unwrap(), [ManagedIdentity]);
        assert_eq!(Identity::from_option("azure-cli"), Some(AzureCli));
        assert_eq!(Identity::from_option("chain"), None);
    }
}
