//! Endpoints of the MicroStrategy (Strategy) Library REST API, as extension traits on the
//! [`Session`](mstr_rest_core::Session) of `mstr-rest-core`.
//!
//! Import the traits of this crate (or `mstr_rest::prelude::*`), and a session has:
//!
//! | accessor | what |
//! | --- | --- |
//! | [`session.session_info()`](SessionsExt::session_info), [`user_info()`](SessionsExt::user_info), [`extend_session()`](SessionsExt::extend_session) | the session itself |
//! | [`session.projects()`](ProjectsExt::projects) | list, names to ids and back, states, loading, settings |
//! | [`session.objects()`](ObjectsExt::objects) | any object: read, change, copy, delete, access list |
//! | [`session.folders()`](FoldersExt::folders) | what is in folders; paths |
//! | [`session.search()`](SearchExt::search), [`quick_search()`](SearchExt::quick_search) | find objects |
//! | [`session.users()`](UsersExt::users), [`user_groups()`](UserGroupsExt::user_groups) | list, make, change, delete |
//! | [`session.security_roles()`](SecurityExt::security_roles), [`security_filters()`](SecurityExt::security_filters), [`privileges()`](SecurityExt::privileges) | who may do and see what |
//! | [`session.cluster()`](MonitorsExt::cluster), [`jobs()`](MonitorsExt::jobs), [`caches()`](MonitorsExt::caches) | what goes on at the server |
//! | [`session.subscriptions()`](SubscriptionsExt::subscriptions), [`schedules()`](SchedulesExt::schedules), [`events()`](SchedulesExt::events) | what is delivered, and when |
//! | [`session.library()`](LibraryExt::library) | what is published |
//! | [`session.data_sources()`](DataSourcesExt::data_sources) | databases, and SQL |
//! | [`session.identity_tokens()`](IdentityTokensExt::identity_tokens) | tokens to hand a session over |
//! | [`session.api_tokens()`](ApiTokensExt::api_tokens) | tokens to log in with |
//! | [`session.reports()`](ReportsExt::reports), [`cubes()`](CubesExt::cubes) | definitions, executions, pages of grids, prompts |
//! | [`session.datasets()`](DatasetsExt::datasets) | datasets of one's own rows: described, filled by upload sessions |
//! | [`session.dashboards()`](DashboardsExt::dashboards), [`documents()`](DocumentsExt::documents) | definitions, executions, grids of visualizations, exports |
//! | [`session.server()`](ServerExt::server) | version and state of the server |
//!
//! A method that makes one request gives a [`Call`](mstr_rest_core::Call): inert until it is
//! awaited, with options, and decodable into something else (`.decode::<serde_json::Value>()` for
//! all that the server sent). What takes several requests gives a future. Lists that come in pages
//! are a [`List`]: awaited, streamed, or read page by page.
//!
//! What continues on the server (publications, executions in the background, changes of projects
//! and caches, SQL, uploads) is an [`Operation`]: progress, timeout, wait, cancel. Where a report
//! or a cube will do, there is [`GridObject`].
//!
//! Where a method takes two texts that could be swapped, one has a type of its own ([`NodeName`],
//! [`UserId`], [`FolderId`], ..), made with `new` or from the model that carries it.
//!
//! Models are tolerant: unknown members are ignored, missing ones are `None` or empty, numbers may
//! come as text.
//!
//! ```no_run
//! use mstr_rest_api::{ProjectsExt, SessionsExt};
//! use mstr_rest_core::Session;
//!
//! # async fn example(session: Session) -> mstr_rest_core::Result<()> {
//! for project in session.projects().list().await? {
//!     println!("{}  {}", project.id, project.name);
//! }
//! let raw: serde_json::Value = session.session_info().decode().await?;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod changes;
mod complete_file;
mod cubes;
mod datasets;
mod datasources;
mod dates;
mod declared_type;
mod definition;
mod delete_on_drop;
mod documents;
mod elements;
mod errors;
mod executable;
mod execution;
pub mod expression;
mod folders;
mod grid_checks;
mod grid_object;
mod grid_request;
mod ids;
mod instances;
mod lenient;
mod library;
mod monitors;
mod objects;
mod operation;
mod page_by;
mod paging;
mod patch;
mod polling;
mod projects;
mod prompts;
mod reports;
mod schedules;
mod search;
mod security;
mod server;
mod sessions;
mod sorting;
mod subscriptions;
mod tokens;
mod user_groups;
mod users;

pub use complete_file::CompleteFile;
pub use cubes::{Cube, CubeStatus, Cubes, CubesExt};
pub use datasets::{
    ColumnRef, ColumnType, Dataset, DatasetColumn, DatasetDefinition, DatasetModel, Datasets,
    DatasetsExt, ModelAttribute, ModelTable, PublishStatus, UpdatePolicy, UploadSession,
};
pub use datasources::{DataSource, DataSources, DataSourcesExt, SqlResult, SqlStatus};
pub use declared_type::DeclaredType;
pub use definition::{
    AttributeObject, AvailableObjects, Definition, Form, MetricObject, MetricsPosition, Subtotals,
    Template, TemplateUnit, UnitElement, UnitKind,
};
pub use delete_on_drop::DeleteOnDrop;
pub use documents::{
    Chapter, ChapterFilter, ChapterPage, Dashboard, Dashboards, DashboardsExt, DatasetName,
    Document, DocumentDefinition, DocumentInstance, DocumentRequest, Documents, DocumentsExt,
    Export, Layout, PdfOptions, Visualization, VisualizationName,
};
pub use elements::Element;
pub use errors::{DataChanged, ErrorExt};
pub use expression::Expression;
pub use folders::{Folders, FoldersExt, NewFolder, PredefinedFolder};
pub use grid_object::GridObject;
pub use grid_request::GridRequest;
pub use ids::{
    AddressId, ChapterKey, DataSourceId, DeviceId, FolderId, FormId, NodeName, ProjectId, UserId,
};
pub use instances::{Instance, InstanceStatus};
pub use library::{Library, LibraryExt, LibraryItem};
pub use monitors::{
    Caches, CancelledJob, Cluster, ContentCache, CubeCache, CubeCacheState, Job, Jobs, MonitorsExt,
    Node, NodeProject, ProjectCache,
};
pub use objects::{
    AccessChanges, AccessEntry, Ancestor, Named, Object, ObjectChanges, ObjectType, Objects,
    ObjectsExt, Propagation, Rights,
};
pub use operation::Operation;
pub use page_by::PageBy;
pub use paging::{Items, List, Page, Pages};
pub use projects::{
    LanguageSet, Project, ProjectLanguages, ProjectOnNode, ProjectState, ProjectStatus, Projects,
    ProjectsExt,
};
pub use prompts::{
    Answer, Answers, Level, NamedAnswers, Prompt, PromptKind, PromptObject, PromptObjectType,
};
pub use reports::{Report, Reports, ReportsExt};
pub use schedules::{Event, Events, Schedule, Schedules, SchedulesExt};
pub use search::{
    Certification, QuickSearch, Search, SearchDomain, SearchExt, SearchPattern, SearchResult,
};
pub use security::{SecurityExt, SecurityFilters, SecurityRole, SecurityRoles};
pub use server::{Server, ServerExt, ServerStatus};
pub use sessions::{SessionInfo, SessionsExt, UserInfo};
pub use sorting::{Order, Sort, SubtotalsPosition};
pub use subscriptions::{
    Content, Delivery, NewSubscription, Recipient, Subscription, Subscriptions, SubscriptionsExt,
};
pub use tokens::{ApiTokens, ApiTokensExt, IdentityTokens, IdentityTokensExt};
pub use user_groups::{GroupChanges, NewGroup, UserGroups, UserGroupsExt};
pub use users::{
    Address, NewAddress, NewUser, Privilege, PrivilegeSource, ProjectRoles, User, UserChanges,
    UserPrivilege, Users, UsersExt,
};

/// The README: its Rust code is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Keeps the traits ours, so that they may grow without a break.
mod sealed {
    pub trait Sealed {}

    impl Sealed for mstr_rest_core::Session {}
    impl Sealed for mstr_rest_core::Error {}
}
