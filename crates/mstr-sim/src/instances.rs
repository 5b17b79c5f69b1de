//! Executed reports and cubes: they live in the session that executed them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::answers::Answers;
use crate::documents::{Paper, Papers};
use crate::filter::Invalid;
use crate::manipulation::Manipulation;
use crate::plan::Plan;
use crate::random;
use crate::report::Source;
use crate::uploads::Uploads;

/// How the server behaves where it serves data.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct DataConfig {
    pub(crate) sources: Vec<Source>,
    pub(crate) papers: Vec<Paper>,
    /// More rows than these are refused.
    pub(crate) row_governor: Option<u64>,
    /// Pages of more rows than these time out.
    pub(crate) page_limit: Option<u64>,
    /// How often a client is told that its asynchronous execution or publication still runs.
    pub(crate) polls: usize,
    pub(crate) retry_after: Option<u64>,
    pub(crate) failing_publish: bool,
    pub(crate) status_as_text: bool,
    /// Replies with what prompts offer say how many there are.
    pub(crate) prompt_totals: bool,
    /// Elements of attributes come in an object.
    pub(crate) wrapped_elements: bool,
    /// Filters with ids that are not valid are refused.
    pub(crate) strict_filters: bool,
    /// The first reply of a prompted report has data, too.
    pub(crate) prompted_data: bool,
    /// A `PUT` of an instance is answered without a body.
    pub(crate) silent_manipulation: bool,
    /// A session searches one thing at a time.
    pub(crate) one_search: bool,
    /// Rendered pages are kept.
    pub(crate) keep_pages: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            papers: Vec::new(),
            row_governor: None,
            page_limit: None,
            polls: 2,
            retry_after: None,
            failing_publish: false,
            status_as_text: false,
            prompt_totals: false,
            wrapped_elements: false,
            strict_filters: false,
            prompted_data: false,
            silent_manipulation: false,
            one_search: false,
            keep_pages: false,
        }
    }
}

/// One execution.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// The session's generation.
    session: u64,
    pub(crate) source: Arc<Source>,
    pub(crate) answers: Answers,
    body: Json,
    /// Filters with ids that are not valid are refused.
    is_strict: bool,
    /// Not there while prompts are open.
    pub(crate) plan: Option<Arc<Plan>>,
    /// How many more polls say that it runs.
    pub(crate) polls: usize,
    /// How many pages were served.
    pub(crate) pages: u64,
}

impl Instance {
    pub(crate) fn new(
        session: u64,
        source: &Arc<Source>,
        body: Json,
        config: &DataConfig,
    ) -> Result<Self, Invalid> {
        let mut instance = Self {
            id: random::upper_hex(),
            session,
            source: Arc::clone(source),
            answers: Answers::new(&source.prompts),
            body: Json::Null,
            is_strict: config.strict_filters,
            plan: None,
            polls: 0,
            pages: 0,
        };
        instance.manipulate(body)?;
        Ok(instance)
    }

    /// Takes an id that follows from what is executed: pages hold it, and those of an earlier
    /// execution are to serve for this one.
    pub(crate) fn name_by_content(&mut self) {
        let content = format!("instance {} {}", self.source.data.id, self.body);
        self.id = random::id_of(&content);
    }

    /// Whether its id and manipulation settle what a page shows.
    pub(crate) fn always_shows_the_same(&self) -> bool {
        let source = &self.source;
        source.prompts.is_empty() && source.growth == 0 && source.data.stored.is_none()
    }

    /// What it shows of its execution, as the client sent it.
    pub(crate) fn manipulation(&self) -> String {
        self.body.to_string()
    }

    /// Shows something else of the same execution.
    pub(crate) fn manipulate(&mut self, body: Json) -> Result<(), Invalid> {
        let mut wanted = Manipulation::read(&self.source, &body, self.is_strict)?;
        let prompts = &self.source.prompts;
        let answered = self.answers.round(prompts).is_none();
        for (attribute, ids) in self.answers.elements(prompts, &self.source.data) {
            wanted.choose(&self.source.data, attribute, &ids);
        }
        for expression in self.answers.expressions(prompts) {
            wanted.restrict(&self.source.data, &expression)?;
        }
        self.plan = answered.then(|| Arc::new(Plan::new(&self.source, &wanted)));
        self.body = body;
        Ok(())
    }

    /// Takes answers to prompts, and executes if these were the last ones.
    pub(crate) fn answer(&mut self, answers: &Json) -> Result<(), Invalid> {
        self.answers.take(&self.source.prompts, &self.source.data, answers)?;
        let body = self.body.clone();
        self.manipulate(body)
    }

    /// What it would show if nothing was asked, or answered, yet.
    pub(crate) fn unanswered(&self) -> Result<Plan, Invalid> {
        let wanted = Manipulation::read(&self.source, &self.body, self.is_strict)?;
        Ok(Plan::new(&self.source, &wanted))
    }

    /// The total that the next page claims.
    pub(crate) fn claim(&mut self, plan: &Plan) -> u64 {
        let total = plan.total() + self.source.growth * self.pages;
        self.pages += 1;
        total
    }
}

/// All that can be executed, and what was.
#[derive(Default)]
pub(crate) struct Store {
    sources: BTreeMap<String, Arc<Source>>,
    live: HashMap<String, Instance>,
    /// Polls left until a cube is published.
    publishing: HashMap<String, usize>,
    /// Caches of cubes that are not in memory, or on the way: loaded, and the polls that it takes.
    moved: HashMap<String, (bool, usize)>,
    /// Reports that were executed.
    cached: BTreeSet<String>,
    pub(crate) uploads: Uploads,
    pub(crate) papers: Papers,
}

impl Store {
    pub(crate) fn new(config: &DataConfig) -> Self {
        let mut store = Self::default();
        for source in &config.sources {
            store.put(source.clone());
        }
        for paper in &config.papers {
            store.papers.put(paper.clone());
        }
        store
    }

    pub(crate) fn put(&mut self, source: Source) {
        self.sources.insert(source.data.id.clone(), Arc::new(source));
    }

    pub(crate) fn source(&self, id: &str) -> Option<&Arc<Source>> {
        self.sources.get(id)
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.sources.values()
    }

    /// Gives something another name.
    pub(crate) fn rename(&mut self, id: &str, name: &str) {
        if let Some(source) = self.sources.get_mut(id)
            && source.data.name != name
        {
            name.clone_into(&mut Arc::make_mut(source).data.name);
        }
        self.papers.rename(id, name);
    }

    /// Puts in a copy under another id and name.
    pub(crate) fn copy(&mut self, id: &str, copy: &str, name: &str) {
        if let Some(source) = self.sources.get(id) {
            let mut source = Source::clone(source);
            copy.clone_into(&mut source.data.id);
            name.clone_into(&mut source.data.name);
            self.put(source);
        }
        self.papers.copy(id, copy, name);
    }

    /// Takes something out of the metadata. Instances of it live on.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.sources.remove(id).is_some() || self.papers.remove(id)
    }

    /// Keeps a new instance, and forgets those whose session is gone.
    pub(crate) fn open(&mut self, instance: Instance, is_alive: impl Fn(u64) -> bool) {
        self.live.retain(|_, one| is_alive(one.session));
        if !instance.source.kind.is_cube() {
            self.cached.insert(instance.source.data.id.clone());
        }
        self.live.insert(instance.id.clone(), instance);
    }

    /// The instance of a session.
    pub(crate) fn instance(
        &mut self,
        session: u64,
        source: &str,
        id: &str,
    ) -> Option<&mut Instance> {
        let found = self.live.get_mut(id)?;
        (found.session == session && found.source.data.id == source).then_some(found)
    }

    pub(crate) fn close(&mut self, session: u64, source: &str, id: &str) -> bool {
        self.instance(session, source, id).is_some() && self.live.remove(id).is_some()
    }

    /// Forgets all instances and says how many there were.
    pub(crate) fn expire(&mut self) -> usize {
        let expired = self.live.len() + self.papers.expire();
        self.live.clear();
        expired
    }

    /// How many instances of a session there are.
    pub(crate) fn count(&self, session: u64) -> usize {
        let reports = self.live.values().filter(|one| one.session == session);
        reports.count() + self.papers.count(session)
    }

    /// Begins to publish a cube.
    pub(crate) fn publish(&mut self, cube: &str, polls: usize) {
        self.publishing.insert(cube.to_owned(), polls);
    }

    /// Whether a cube is being published: asked so often as was said, it is ready.
    pub(crate) fn is_publishing(&mut self, cube: &str) -> bool {
        match self.publishing.get_mut(cube) {
            Some(0) => {
                self.publishing.remove(cube);
                if let Some(source) = self.sources.get_mut(cube) {
                    Arc::make_mut(source).published = true;
                }
                false
            }
            Some(polls) => {
                *polls -= 1;
                true
            }
            None => false,
        }
    }
}

/// What monitors show.
impl Store {
    /// Executions that somebody still polls for, with the number of the job and of the session.
    pub(crate) fn running(&self) -> impl Iterator<Item = (String, &Instance, u64)> {
        let running = self.live.values().filter(|one| one.polls > 0);
        running.map(|one| (job(&one.id), one, one.session))
    }

    /// Ends an execution, by the number of its job.
    pub(crate) fn cancel(&mut self, id: &str) -> bool {
        let found = self.running().find(|(job, ..)| job == id).map(|(_, one, _)| one.id.clone());
        found.is_some_and(|instance| self.live.remove(&instance).is_some())
    }

    /// The state of the cache of a cube.
    pub(crate) fn cache_state(&self, cube: &str) -> &'static str {
        match self.moved.get(cube) {
            None | Some((true, 0)) => "loaded",
            Some((false, 0)) => "unloaded",
            Some((true, _)) => "load_pending",
            Some((false, _)) => "unload_pending",
        }
    }

    /// The same for one who polls.
    pub(crate) fn poll_cache(&mut self, cube: &str) -> &'static str {
        let state = self.cache_state(cube);
        if let Some((_, polls)) = self.moved.get_mut(cube) {
            *polls = polls.saturating_sub(1);
        }
        state
    }

    pub(crate) fn move_cache(&mut self, cube: &str, load: bool, polls: usize) {
        self.moved.insert(cube.to_owned(), (load, polls));
    }

    pub(crate) fn unpublish(&mut self, cube: &str) {
        self.moved.remove(cube);
        if let Some(source) = self.sources.get_mut(cube) {
            Arc::make_mut(source).published = false;
        }
    }

    /// Reports that have a cache.
    pub(crate) fn cached(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.cached.iter().filter_map(|id| self.sources.get(id))
    }

    pub(crate) fn forget_cache(&mut self, report: &str) {
        self.cached.remove(report);
    }
}

/// Jobs have numbers.
fn job(instance: &str) -> String {
    (random::fnv(instance.as_bytes(), 3) % 1_000_000).to_string()
}
