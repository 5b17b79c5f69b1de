//! On which nodes which projects are loaded.

use std::collections::BTreeMap;

use crate::Project;

/// A project on a node.
#[derive(Clone, Copy)]
struct State {
    loaded: bool,
    /// How often a client is told that the change to the state still runs.
    polls: usize,
}

/// All projects on all nodes.
pub(crate) struct Loading(BTreeMap<(String, usize), State>);

impl Loading {
    pub(crate) fn new(projects: &[Project], nodes: usize) -> Self {
        let each = projects.iter().flat_map(|project| {
            let state = State { loaded: project.loaded, polls: 0 };
            (0..nodes).map(move |node| ((project.id.clone(), node), state))
        });
        Self(each.collect())
    }

    /// Whether it is loaded on any node.
    pub(crate) fn anywhere(&self, project: &str) -> bool {
        let mut states = self.0.iter().filter(|((id, _), _)| id == project);
        states.any(|(_, state)| state.loaded)
    }

    pub(crate) fn name(&self, project: &str, node: usize) -> &'static str {
        match self.0.get(&(project.to_owned(), node)) {
            Some(State { polls: 1.., .. }) => "pending",
            Some(State { loaded: true, .. }) => "loaded",
            _ => "unloaded",
        }
    }

    /// Begins a change; says whether there is such a project on such a node.
    pub(crate) fn change(&mut self, project: &str, node: usize, load: bool, polls: usize) -> bool {
        let found = self.0.get_mut(&(project.to_owned(), node));
        found.is_some_and(|state| {
            *state = State { loaded: load, polls };
            true
        })
    }

    /// The state for one who polls.
    pub(crate) fn poll(&mut self, project: &str, node: usize) -> Option<&'static str> {
        let name = self.name(project, node);
        let state = self.0.get_mut(&(project.to_owned(), node))?;
        state.polls = state.polls.saturating_sub(1);
        Some(name)
    }
}
