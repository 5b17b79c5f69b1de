//! Reports and cubes, as a test describes them.

use crate::attribute::{Attribute, Form};
use crate::dataset::{DataType, Dataset, Metric};
use crate::prompts::Prompt;
use crate::table::Table;

/// Whether something is a report or a cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Report,
    /// An OLAP cube.
    Cube,
    /// A cube that someone uploaded.
    SuperCube,
}

impl Kind {
    /// The subtype in the metadata.
    pub(crate) fn subtype(self) -> u32 {
        match self {
            Self::Report => 768,
            Self::Cube => 776,
            Self::SuperCube => 779,
        }
    }

    pub(crate) fn is_cube(self) -> bool {
        self != Self::Report
    }
}

/// What can be executed.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) kind: Kind,
    pub(crate) data: Dataset,
    pub(crate) metrics_on_rows: bool,
    /// Where the metrics stand among the units of their axis: behind all by default.
    pub(crate) metrics_at: usize,
    pub(crate) subtotals: bool,
    pub(crate) prompts: Vec<Prompt>,
    /// How many rows more every further page claims that there are.
    pub(crate) growth: u64,
    pub(crate) published: bool,
}

impl Source {
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        let data = Dataset::new(name, if kind.is_cube() { "cube" } else { "report" });
        Self {
            kind,
            data,
            metrics_on_rows: false,
            metrics_at: usize::MAX,
            subtotals: false,
            prompts: Vec::new(),
            growth: 0,
            published: true,
        }
    }
}

/// A report of the simulated server. Its data follow from a seed.
///
/// ```
/// use mstr_sim::{Attribute, DataType, Form, Metric, Report};
///
/// let report = Report::new("Sales")
///     .rows(1_000_000)
///     .attribute(Attribute::new("Region", 8))
///     .attribute(Attribute::new("Customer", 5000).forms([
///         Form::new("ID", DataType::Integer),
///         Form::new("DESC", DataType::VarChar),
///     ]))
///     .metric(Metric::new("Revenue", DataType::Double).nulls(0.1));
///
/// let table = report.table();
/// assert_eq!(table.columns(), ["Region", "Customer@ID", "Customer@DESC", "Revenue"]);
/// assert_eq!(table.len(), 1_000_000);
/// assert_eq!(table.row(999_999).len(), 4); // made when it is asked for
/// ```
#[derive(Clone, Debug)]
#[must_use = "a report does nothing until a server has it"]
pub struct Report(pub(crate) Source);

/// A cube of the simulated server, an OLAP cube that is published. Its data follow from a seed.
#[derive(Clone, Debug)]
#[must_use = "a cube does nothing until a server has it"]
pub struct Cube(pub(crate) Source);

macro_rules! shared {
    ($type:ident, $what:literal) => {
        impl $type {
            #[doc = concat!("Sets the id. It follows from the name of the ", $what, " by default.")]
            pub fn id(mut self, id: &str) -> Self {
                id.clone_into(&mut self.0.data.id);
                self
            }

            #[doc = concat!("The id of the ", $what, ".")]
            pub fn object_id(&self) -> &str {
                &self.0.data.id
            }

            /// Sets the number of rows: combinations of the elements of the attributes in rows.
            /// Without such an attribute there is one row at most. Default: 100.
            pub fn rows(mut self, rows: u64) -> Self {
                self.0.data.rows = rows;
                self
            }

            /// Sets what all elements of rows and all values of metrics follow from. Default: 1.
            pub fn seed(mut self, seed: u64) -> Self {
                self.0.data.seed = seed;
                self
            }

            /// Adds an attribute.
            pub fn attribute(mut self, attribute: Attribute) -> Self {
                self.0.data.attributes.push(attribute);
                self
            }

            /// Adds a metric.
            pub fn metric(mut self, metric: Metric) -> Self {
                self.0.data.metrics.push(metric);
                self
            }

            /// Makes the total change between pages: every page after the first one claims so
            /// many rows more than the one before it.
            pub fn growing(mut self, rows_per_page: u64) -> Self {
                self.0.growth = rows_per_page;
                self
            }

            /// All its data as a flat table: attributes first, then metrics.
            pub fn table(&self) -> Table {
                Table::new(self.0.data.clone())
            }
        }
    };
}

shared!(Report, "report");
shared!(Cube, "cube");

impl Report {
    /// A report without attributes and metrics.
    pub fn new(name: &str) -> Self {
        Self(Source::new(name, Kind::Report))
    }

    /// A report with three attributes in four columns and three metrics: the shape in which the
    /// speed of clients is measured.
    pub fn sample(name: &str, rows: u64) -> Self {
        let report = Self::new(name).rows(rows);
        sample_attributes()
            .into_iter()
            .fold(report, Self::attribute)
            .metric(Metric::new("Revenue", DataType::Double))
            .metric(Metric::new("Cost", DataType::Double).nulls(0.05))
            .metric(Metric::new("Units", DataType::Integer))
    }

    /// Puts the metrics in rows, behind so many attributes there; [`usize::MAX`] is behind all of
    /// them.
    pub fn metrics_in_rows(mut self, position: usize) -> Self {
        self.0.metrics_on_rows = true;
        self.0.metrics_at = position;
        self
    }

    /// Puts the metrics on columns, behind so many attributes there. By default they stand
    /// behind all of them.
    pub fn metrics_on_columns(mut self, position: usize) -> Self {
        self.0.metrics_on_rows = false;
        self.0.metrics_at = position;
        self
    }

    /// Shows subtotals: a line behind each run of rows that differ only in the last row
    /// attribute, and a grand total at the end. Their values are generated, too: they are no
    /// sums.
    pub fn subtotals(mut self) -> Self {
        self.0.subtotals = true;
        self
    }

    /// Adds a prompt: the report has no data until all that are required are answered.
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        self.0.prompts.push(prompt);
        self
    }
}

impl Cube {
    /// A cube without attributes and metrics.
    pub fn new(name: &str) -> Self {
        Self(Source::new(name, Kind::Cube))
    }

    /// A cube with three attributes in four columns and two metrics.
    pub fn sample(name: &str, rows: u64) -> Self {
        sample_attributes()
            .into_iter()
            .fold(Self::new(name).rows(rows), Self::attribute)
            .metric(Metric::new("Revenue", DataType::Double))
            .metric(Metric::new("Units", DataType::Integer))
    }

    /// Whether the cube is published when the server starts. It is by default; an instance of
    /// one that is not is refused.
    pub fn published(mut self, published: bool) -> Self {
        self.0.published = published;
        self
    }
}

/// The shape of the published measurements of the official client, made smaller.
fn sample_attributes() -> [Attribute; 3] {
    [
        Attribute::new("Region", 8),
        Attribute::new("Customer", 5000)
            .forms([Form::new("ID", DataType::Integer), Form::new("DESC", DataType::VarChar)]),
        Attribute::new("Day", 365).forms([Form::new("ID", DataType::Date)]),
    ]
}

/// What a server has for which nothing was named: a report of each shape, and a cube.
pub(crate) fn samples() -> Vec<Source> {
    let small = |name: &str| {
        Report::new(name)
            .rows(20)
            .attribute(Attribute::new("Year", 3))
            .attribute(Attribute::new("Month", 12))
            .metric(Metric::new("Flights", DataType::Integer))
            .metric(Metric::new("Delay", DataType::Double).nulls(0.1))
    };
    let airport = || Attribute::labels("Airport", [["BWI"], ["DCA"]]);
    let region = Attribute::new("Region", 4);
    let chosen = Prompt::elements("Choose regions", &region.id);
    let prompted = Report::new("Sample Prompts")
        .rows(40)
        .attribute(region)
        .attribute(Attribute::new("Day", 31))
        .metric(Metric::new("Revenue", DataType::Double))
        .prompt(chosen)
        .prompt(Prompt::value("Comment").optional().default_answer("none"));
    let empty = Report::new("Sample Empty Cells")
        .rows(12)
        .attribute(Attribute::new("Region", 4))
        .attribute(Attribute::new("Store", 9).empty_every(3))
        .metric(Metric::new("Revenue", DataType::Double));
    let groups = [("Young", vec!["18-24", "25-34"]), ("Old", Vec::new())];
    let grouped = Report::new("Sample Custom Group")
        .rows(4)
        .attribute(Attribute::custom_group_levels("Age Groups", groups))
        .metric(Metric::new("Customers", DataType::Integer));
    let fractions = Report::new("Sample Late Fractions")
        .rows(1200)
        .attribute(Attribute::new("Shop", 1200))
        .metric(Metric::new("Score", DataType::Reserved).fractions_after(1000))
        .metric(Metric::new("Count", DataType::Integer).fractions_after(1100));
    vec![
        Report::sample("Sample Report", 1000).0,
        small("Sample Cross-Tab").attribute(airport().on_columns()).0,
        small("Sample Metrics in Rows").metrics_in_rows(usize::MAX).0,
        small("Sample Subtotals").subtotals().0,
        small("Sample Pages").attribute(airport().on_pages()).0,
        prompted.0,
        Cube::sample("Sample Cube", 1000).0,
        empty.0,
        grouped.0,
        fractions.0,
    ]
}
