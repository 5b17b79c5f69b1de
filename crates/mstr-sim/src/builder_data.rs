//! How to configure what a server has to serve: reports, cubes, limits.

use crate::{Cube, Dashboard, Document, LibraryServerBuilder, Report, documents, report};

impl LibraryServerBuilder {
    /// Adds a report.
    ///
    /// Without any report, cube, dashboard or document the server has the [`samples`](Self::samples).
    pub fn report(mut self, report: Report) -> Self {
        self.config.data.sources.push(report.0);
        self
    }

    /// Adds a cube.
    pub fn cube(mut self, cube: Cube) -> Self {
        self.config.data.sources.push(cube.0);
        self
    }

    /// Adds a dashboard.
    pub fn dashboard(mut self, dashboard: Dashboard) -> Self {
        self.config.data.papers.push(dashboard.0);
        self
    }

    /// Adds a document.
    pub fn document(mut self, document: Document) -> Self {
        self.config.data.papers.push(document.0);
        self
    }

    /// Adds reports of several shapes and a cube: `Sample Report`, `Sample Cross-Tab`, `Sample
    /// Metrics in Rows`, `Sample Subtotals`, `Sample Pages`, `Sample Prompts`, `Sample Cube`,
    /// `Sample Dashboard`, `Sample Document`; `Sample Empty Cells` (rows without an element),
    /// `Sample Custom Group` (of two header columns), `Sample Late Fractions` (metrics that are
    /// whole numbers in their first 1,000 rows) and the dashboard `Sample Compound Grid`.
    pub fn samples(mut self) -> Self {
        self.config.data.sources.extend(report::samples());
        self.config.data.papers.extend(documents::samples());
        self
    }

    /// Refuses executions with more rows than these: 500 `ERR001` with I-Server code
    /// -2147205488. No limit by default.
    pub fn row_governor(mut self, rows: u64) -> Self {
        self.config.data.row_governor = Some(rows);
        self
    }

    /// Lets requests for pages with more rows than these time out on the server: 500 `ERR001`
    /// with I-Server code -2147206497, at once. No limit by default.
    pub fn page_limit(mut self, rows: u64) -> Self {
        self.config.data.page_limit = Some(rows);
        self
    }

    /// Gives no more items than these in a page of a list, whatever was asked for (documented that
    /// a server may). No limit by default.
    pub fn list_limit(mut self, items: usize) -> Self {
        self.config.list_limit = Some(items.max(1));
        self
    }

    /// Keeps every page that was rendered, and its compressed form, and serves it again: then a
    /// measurement of clients does not measure this server. It needs the memory of all pages that
    /// are asked for. A page holds the id of its instance, so executing the same thing again gives
    /// the same instance, to whoever did it last. Reports with prompts, those that
    /// [grow](Report::growing) and what was uploaded are rendered each time all the same. Default:
    /// off.
    pub fn keep_pages(mut self, keep: bool) -> Self {
        self.config.data.keep_pages = keep;
        self
    }

    /// How often a client that polls is told that its asynchronous execution, its publication
    /// of a cube or of an upload still runs. Default: 2.
    pub fn polls(mut self, polls: usize) -> Self {
        self.config.data.polls = polls;
        self
    }

    /// Sends `Retry-After` with so many seconds while an asynchronous execution runs. It is not
    /// sent by default.
    pub fn poll_retry_after(mut self, seconds: u64) -> Self {
        self.config.data.retry_after = Some(seconds);
        self
    }

    /// Lets every publication of an upload fail.
    pub fn failing_publish(mut self, fails: bool) -> Self {
        self.config.data.failing_publish = fails;
        self
    }

    /// Writes the status of a publication as text (`"1"`, documented) and not as a number, as
    /// mstrio-py wants it.
    pub fn publish_status_as_text(mut self, text: bool) -> Self {
        self.config.data.status_as_text = text;
        self
    }

    /// Sends `x-mstr-total-count` with the elements and objects that a prompt offers. The vendor's
    /// documentation of these shows no total. Default: off.
    pub fn prompt_totals(mut self, totals: bool) -> Self {
        self.config.data.prompt_totals = totals;
        self
    }

    /// Wraps `GET /{reports|cubes}/{id}/attributes/{aid}/elements` as `{"elements":[..]}`, which a
    /// client of a live server reads too (field note). Default: off, the bare list (recorded).
    pub fn wrapped_elements(mut self, wrapped: bool) -> Self {
        self.config.data.wrapped_elements = wrapped;
        self
    }

    /// Refuses view filters with ids of attributes, elements, forms or metrics that are not there:
    /// 400 `ERR006`. The vendor documents that such a condition may be refused, ignored, or never
    /// satisfied. Default: off; then one about an unknown attribute or metric is ignored, and one
    /// about an unknown element or form fits nothing (which is which is assumed).
    pub fn strict_filters(mut self, strict: bool) -> Self {
        self.config.data.strict_filters = strict;
        self
    }

    /// Gives data with the first reply of a prompted report, besides its `status` 2: the rows before
    /// any answer. The vendor's documentation says both that it does and that it does not. Default:
    /// off.
    pub fn prompted_data(mut self, data: bool) -> Self {
        self.config.data.prompted_data = data;
        self
    }

    /// Answers the `PUT` of an instance with 204 and no body; pages are read with `GET`. Assumed: the
    /// vendor documents 200 and the first page. Default: off.
    pub fn silent_manipulation(mut self, silent: bool) -> Self {
        self.config.data.silent_manipulation = silent;
        self
    }

    /// Refuses a search while another one of the same session runs: 500 `ERR001`. That searches must
    /// not run in parallel in one session is documented; what such a search gets is assumed. With
    /// [`latency`](Self::latency) searches take long enough to meet. Default: off.
    pub fn one_search_at_a_time(mut self, one: bool) -> Self {
        self.config.data.one_search = one;
        self
    }
}
