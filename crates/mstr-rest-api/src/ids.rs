//! Ids and names with types of their own, where a method takes two texts that could be swapped.
//!
//! A method with one text takes it as it is. Of two texts beside each other one has such a type.
//! None of them is made from a bare `&str`: that would bring the mistake back.

use std::fmt;
use std::sync::Arc;

use crate::{
    Address, Ancestor, Chapter, DataSource, Form, Node, NodeProject, Object, Project,
    ProjectOnNode, ProjectStatus, User, UserInfo,
};

macro_rules! ids {
    ($($(#[$doc:meta])* $type:ident from $($model:ident . $field:ident),*;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into().into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&&*self.0).finish()
            }
        }

        impl From<&Self> for $type {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }

        $(impl From<&$model> for $type {
            fn from(model: &$model) -> Self {
                Self::new(model.$field.as_str())
            }
        })*
    )*};
}

ids! {
    /// The name of a node of the Intelligence Server cluster.
    ///
    /// ```no_run
    /// use mstr_rest_api::{MonitorsExt, NodeName, ProjectsExt};
    ///
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let (projects, id) = (session.projects(), "B7CA92F04B9FAE8D941C3E9B7E0CD754");
    /// for node in session.cluster().nodes().await? {
    ///     println!("{}: {}", node.name, projects.state_on(id, &node).await?);
    /// }
    /// projects.load_on(id, NodeName::new("node-1")).await?.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Two bare texts do not compile, whatever their order:
    ///
    /// ```compile_fail,E0277
    /// # fn example(projects: mstr_rest_api::Projects) {
    /// let state = projects.state_on("node-1", "B7CA92F04B9FAE8D941C3E9B7E0CD754");
    /// # }
    /// ```
    NodeName from Node.name, ProjectOnNode.name;

    /// The id of a user.
    UserId from User.id, UserInfo.id;

    /// The id of a folder. Of an [`Object`] that is no folder the server refuses it.
    FolderId from Object.id, Ancestor.id;

    /// The id of a project.
    ProjectId from Project.id, ProjectStatus.id, NodeProject.id;

    /// The id of a data source.
    DataSourceId from DataSource.id;

    /// The id of an address of a user.
    AddressId from Address.id;

    /// The id of a device, which transmits what is delivered to an address.
    DeviceId from;

    /// The id of a form of an attribute.
    FormId from Form.id;

    /// The key of a chapter of a dashboard.
    ChapterKey from Chapter.key;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_show_their_text_and_compare_by_it() {
        let node = NodeName::new("node-1");
        assert_eq!((node.as_str(), node.as_ref()), ("node-1", "node-1"));
        assert_eq!(format!("{node} {node:>8} {node:?}"), "node-1   node-1 NodeName(\"node-1\")");
        let model = Node { name: "node-1".to_owned(), ..Node::default() };
        let all = HashSet::from([NodeName::from(&node), NodeName::from(&model), node]);
        assert_eq!(all.len(), 1);
        assert_ne!(FolderId::new("a"), FolderId::new("A"));
    }
}
