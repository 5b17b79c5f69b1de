#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod data;
mod definition;
mod dictionary;
mod fetch;
mod grid;
mod layout;
mod metric;
mod output;
mod page;
mod page_by;
mod pivot;
mod rows;
mod stream;
mod table;
mod upload;

pub use data::{Data, DataExt, InstanceDataExt, Table};
pub use grid::{GridOptions, GridPage, GridReader};
pub use metric::MetricType;
pub use rows::rows;
pub use stream::Progress;
pub use upload::{Upload, UploadExt, UploadProgress, Uploaded};

/// Keeps the traits ours, so that they may grow without a break.
mod sealed {
    use mstr_rest_api::{Cubes, Datasets, Instance, Reports, Visualization};

    pub trait Sealed {}

    impl Sealed for Reports {}
    impl Sealed for Cubes {}
    impl Sealed for Instance {}
    impl Sealed for Visualization {}
    impl Sealed for Datasets {}
}
