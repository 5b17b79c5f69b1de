//! Dashboards and documents, as a test describes them, and what is executed of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::answers::Answers;
use crate::attribute::{Attribute, Axis};
use crate::dataset::{DataType, Dataset, Metric};
use crate::manipulation::Manipulation;
use crate::plan::Plan;
use crate::prompts::Prompt;
use crate::report::Source;
use crate::{Report, Table, exports, random};

/// A visualization: the grid of a report.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) chapter: String,
    pub(crate) key: String,
    pub(crate) source: Arc<Source>,
    pub(crate) is_compound: bool,
    /// Further sets of columns of a compound grid: of the same rows.
    pub(crate) sets: Vec<Arc<Source>>,
}

impl Shown {
    pub(crate) fn kind(&self) -> &'static str {
        if self.is_compound { "compound_grid" } else { "grid" }
    }
}

/// What dashboards and documents have in common.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) is_dashboard: bool,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) visualizations: Vec<Shown>,
    chapter: String,
    filler: usize,
}

impl Paper {
    fn new(name: &str, is_dashboard: bool) -> Self {
        let kind = if is_dashboard { "dashboard" } else { "document" };
        Self {
            name: name.to_owned(),
            id: random::id_of(&format!("{kind} {name}")),
            is_dashboard,
            prompts: Vec::new(),
            visualizations: Vec::new(),
            chapter: "K36".to_owned(),
            filler: 0,
        }
    }

    /// The attributes of all visualizations: what prompts ask for.
    pub(crate) fn data(&self) -> Dataset {
        let mut data = Dataset::new(&self.name, "paper");
        for shown in &self.visualizations {
            for attribute in &shown.source.data.attributes {
                if data.attribute(&attribute.id).is_none() {
                    data.attributes.push(attribute.clone());
                }
            }
            for metric in &shown.source.data.metrics {
                if data.metric(&metric.id).is_none() {
                    data.metrics.push(metric.clone());
                }
            }
        }
        data
    }

    fn describe(shown: &Shown) -> Json {
        let (key, name) = (&shown.key, &shown.source.data.name);
        json!({ "key": key, "name": name, "visualizationType": shown.kind() })
    }

    /// The definition: chapters of a dashboard, a layout of a document.
    pub(crate) fn definition(&self) -> Json {
        let datasets: Vec<_> = self
            .visualizations
            .iter()
            .map(|one| json!({ "id": one.source.data.id, "name": one.source.data.name }))
            .collect();
        if !self.is_dashboard {
            let all: Vec<_> = self.visualizations.iter().map(Self::describe).collect();
            let layout = json!({ "key": "K3", "name": "Layout 1", "visualizations": all });
            return json!({
                "id": self.id, "name": self.name, "datasets": datasets, "layouts": [layout],
            });
        }
        let mut chapters: Vec<(&str, Vec<Json>)> = Vec::new();
        for shown in &self.visualizations {
            let known = chapters.iter().position(|(key, _)| *key == shown.chapter);
            let at = known.unwrap_or(chapters.len());
            if known.is_none() {
                chapters.push((&shown.chapter, Vec::new()));
            }
            if let Some((_, there)) = chapters.get_mut(at) {
                there.push(Self::describe(shown));
            }
        }
        let chapters: Vec<_> = chapters
            .into_iter()
            .enumerate()
            .map(|(at, (key, there))| {
                let page = json!({ "key": format!("{key}P"), "name": "Page 1", "visualizations": there });
                json!({
                    "key": key, "name": format!("Chapter {}", at + 1), "pages": [page], "filters": [],
                })
            })
            .collect();
        let current = chapters.first().and_then(|chapter| chapter.get("key")).cloned();
        json!({
            "id": self.id, "name": self.name, "currentChapter": current, "chapters": chapters,
            "datasets": datasets,
        })
    }

    pub(crate) fn pdf(&self) -> Vec<u8> {
        exports::pdf(&self.name, self.filler)
    }

    pub(crate) fn excel(&self) -> Vec<u8> {
        let tables = self.visualizations.iter();
        exports::xlsx(tables.flat_map(|shown| lines(&Table::new(shown.source.data.clone()))))
    }

    pub(crate) fn csv(shown: &Shown) -> Vec<u8> {
        exports::csv(lines(&Table::new(shown.source.data.clone())).into_iter())
    }
}

/// A table with its header.
fn lines(table: &Table) -> Vec<Vec<crate::Value>> {
    let header = table.columns().into_iter().map(crate::Value::Text).collect();
    [header].into_iter().chain(table.rows()).collect()
}

/// A dashboard of the simulated server, which real ones call a dossier: visualizations in
/// chapters, prompts, exports.
///
/// ```
/// use mstr_sim::{Dashboard, Report};
///
/// let dashboard = Dashboard::new("Sales")
///     .visualization("K52", Report::sample("By Region", 100))
///     .chapter("K90")
///     .visualization("K91", Report::sample("By Day", 100));
/// assert!(dashboard.pdf().starts_with(b"%PDF-"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a dashboard does nothing until a server has it"]
pub struct Dashboard(pub(crate) Paper);

/// A document of the simulated server: prompts and exports.
#[derive(Clone, Debug)]
#[must_use = "a document does nothing until a server has it"]
pub struct Document(pub(crate) Paper);

macro_rules! shared {
    ($type:ident, $what:literal, $is_dashboard:literal) => {
        impl $type {
            #[doc = concat!("An empty ", $what, ".")]
            pub fn new(name: &str) -> Self {
                Self(Paper::new(name, $is_dashboard))
            }

            #[doc = concat!("Sets the id. It follows from the name of the ", $what, " by default.")]
            pub fn id(mut self, id: &str) -> Self {
                id.clone_into(&mut self.0.id);
                self
            }

            #[doc = concat!("The id of the ", $what, ".")]
            pub fn object_id(&self) -> &str {
                &self.0.id
            }

            /// Adds a visualization with that key, whose grid is the report's.
            pub fn visualization(mut self, key: &str, report: Report) -> Self {
                let chapter = self.0.chapter.clone();
                let (key, source) = (key.to_owned(), Arc::new(report.0));
                let (is_compound, sets) = (false, Vec::new());
                self.0.visualizations.push(Shown { chapter, key, source, is_compound, sets });
                self
            }

            /// Adds a prompt. Answers with elements and expressions filter the visualizations that
            /// have the attribute.
            pub fn prompt(mut self, prompt: Prompt) -> Self {
                self.0.prompts.push(prompt);
                self
            }

            /// Makes the PDF larger by so many bytes that show nothing.
            pub fn pdf_filler(mut self, bytes: usize) -> Self {
                self.0.filler = bytes;
                self
            }

            /// The PDF that its exports give.
            pub fn pdf(&self) -> Vec<u8> {
                self.0.pdf()
            }
        }
    };
}

shared!(Dashboard, "dashboard", true);
shared!(Document, "document", false);

impl Dashboard {
    /// Begins a chapter with that key: visualizations that are added from now on are there. The
    /// first one is `K36`.
    pub fn chapter(mut self, key: &str) -> Self {
        key.clone_into(&mut self.0.chapter);
        self
    }

    /// Adds a compound grid with that key: its rows, and its first set of columns.
    pub fn compound_grid(self, key: &str, report: Report) -> Self {
        let mut dashboard = self.visualization(key, report);
        if let Some(last) = dashboard.0.visualizations.last_mut() {
            last.is_compound = true;
        }
        dashboard
    }

    /// Adds a set of columns to the compound grid that was added last: these attributes on columns,
    /// and these metrics behind them. Without either it is an empty set.
    pub fn column_set(
        mut self,
        attributes: impl IntoIterator<Item = Attribute>,
        metrics: impl IntoIterator<Item = Metric>,
    ) -> Self {
        if let Some(last) = self.0.visualizations.last_mut().filter(|last| last.is_compound) {
            let mut set = Source::clone(&last.source);
            set.data.attributes.retain(|one| one.axis == Axis::Rows);
            set.data.attributes.extend(attributes.into_iter().map(Attribute::on_columns));
            set.data.metrics = metrics.into_iter().collect();
            set.data.metric_seed = 1 + last.sets.len() as u64;
            (set.metrics_on_rows, set.metrics_at) = (false, usize::MAX);
            last.sets.push(Arc::new(set));
        }
        self
    }
}

/// What a server has for which nothing was named.
pub(crate) fn samples() -> Vec<Paper> {
    let sales = Report::sample("Sales by Day", 200);
    let dashboard = Dashboard::new("Sample Dashboard")
        .visualization("K52", sales.clone())
        .compound_grid("K53", Report::sample("Compound", 10));
    let region = crate::Attribute::new("Region", 8).id;
    let chosen = Prompt::elements("Choose regions", &region);
    let document = Document::new("Sample Document")
        .visualization("K17", sales)
        .prompt(chosen)
        .prompt(Prompt::value("Comment").optional().default_answer("none"));
    vec![dashboard.0, document.0, compound_sample().0]
}

/// Rows of one attribute, and three sets of columns: a cross-tab, metrics alone, nothing.
fn compound_sample() -> Dashboard {
    let rows = Report::new("Compound by Shop")
        .rows(6)
        .attribute(Attribute::new("Shop", 6))
        .attribute(Attribute::labels("Season", [["Summer"], ["Winter"]]).on_columns())
        .metric(Metric::new("Visits", DataType::Integer));
    Dashboard::new("Sample Compound Grid")
        .compound_grid("K60", rows)
        .column_set(
            [],
            [
                Metric::new("Profit", DataType::Double).nulls(0.2),
                Metric::new("Returns", DataType::Integer),
            ],
        )
        .column_set([], [])
}

/// One execution.
#[derive(Clone)]
pub(crate) struct PaperInstance {
    pub(crate) id: String,
    session: u64,
    pub(crate) paper: Arc<Paper>,
    pub(crate) answers: Answers,
    /// How many more polls say that it runs.
    pub(crate) polls: usize,
    /// Exports in the background, and how many more polls say that they run.
    pub(crate) results: HashMap<String, usize>,
}

impl PaperInstance {
    pub(crate) fn new(session: u64, paper: &Arc<Paper>, polls: usize) -> Self {
        Self {
            id: random::upper_hex(),
            session,
            paper: Arc::clone(paper),
            answers: Answers::new(&paper.prompts),
            polls,
            results: HashMap::new(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.answers.round(&self.paper.prompts).is_none()
    }

    pub(crate) fn shown(&self, key: &str) -> Option<&Shown> {
        self.paper.visualizations.iter().find(|one| one.key == key)
    }

    /// The grid of a visualization, or of one of its sets of columns, as the answers filter it.
    pub(crate) fn plan(&self, source: &Arc<Source>) -> Plan {
        let (prompts, data) = (&self.paper.prompts, &source.data);
        let mut wanted = Manipulation::default();
        for (attribute, ids) in self.answers.elements(prompts, data) {
            wanted.choose(data, attribute, &ids);
        }
        for expression in self.answers.expressions(prompts) {
            // about an attribute that this one does not have
            let _ = wanted.restrict(data, &expression);
        }
        Plan::new(source, &wanted)
    }
}

/// All dashboards and documents, and what was executed of them.
#[derive(Default)]
pub(crate) struct Papers {
    all: BTreeMap<String, Arc<Paper>>,
    live: HashMap<String, PaperInstance>,
}

impl Papers {
    pub(crate) fn put(&mut self, paper: Paper) {
        self.all.insert(paper.id.clone(), Arc::new(paper));
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Paper>> {
        self.all.get(id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Paper>> {
        self.all.values()
    }

    /// Gives it another name, if it is there.
    pub(crate) fn rename(&mut self, id: &str, name: &str) {
        if let Some(paper) = self.all.get_mut(id) {
            name.clone_into(&mut Arc::make_mut(paper).name);
        }
    }

    /// Puts in a copy under another id and name.
    pub(crate) fn copy(&mut self, id: &str, copy: &str, name: &str) {
        if let Some(paper) = self.all.get(id) {
            let mut paper = Paper::clone(paper);
            copy.clone_into(&mut paper.id);
            name.clone_into(&mut paper.name);
            self.put(paper);
        }
    }

    /// Takes it out of the metadata. Instances of it live on.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.all.remove(id).is_some()
    }

    /// Keeps a new instance, and forgets those whose session is gone.
    pub(crate) fn open(&mut self, instance: PaperInstance, is_alive: impl Fn(u64) -> bool) {
        self.live.retain(|_, one| is_alive(one.session));
        self.live.insert(instance.id.clone(), instance);
    }

    /// The instance of a session.
    pub(crate) fn instance(
        &mut self,
        session: u64,
        paper: &str,
        id: &str,
    ) -> Option<&mut PaperInstance> {
        let found = self.live.get_mut(id)?;
        (found.session == session && found.paper.id == paper).then_some(found)
    }

    pub(crate) fn close(&mut self, session: u64, paper: &str, id: &str) -> bool {
        self.instance(session, paper, id).is_some() && self.live.remove(id).is_some()
    }

    /// Takes an instance out, for another one in its place.
    pub(crate) fn take(&mut self, session: u64, paper: &str, id: &str) -> Option<PaperInstance> {
        self.instance(session, paper, id)?;
        self.live.remove(id)
    }

    /// Forgets all instances and says how many there were.
    pub(crate) fn expire(&mut self) -> usize {
        let expired = self.live.len();
        self.live.clear();
        expired
    }

    /// How many instances of a session there are.
    pub(crate) fn count(&self, session: u64) -> usize {
        self.live.values().filter(|one| one.session == session).count()
    }
}
