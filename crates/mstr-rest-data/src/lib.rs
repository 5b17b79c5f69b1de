#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod codes;
mod column;
mod compound;
mod cut;
mod data;
mod decoder;
mod definition;
mod dictionary;
mod error;
mod execution;
mod fetch;
mod grid;
mod layout;
mod options;
mod output;
mod page;
mod page_by;
mod parquet_file;
mod pivot;
mod reader;
mod rows;
mod shape;
mod table;
mod types;
mod upload;
mod value_type;
mod whole;

/// The version of arrow whose arrays and batches this crate gives.
pub use arrow_array;
/// The schema types of the same version.
pub use arrow_schema;

pub use data::{Data, DataExt, InstanceDataExt};
pub use grid::{GridPage, GridReader};
pub use options::GridOptions;
pub use output::{Format, ParquetCompression};
pub use reader::Progress;
pub use rows::rows;
pub use table::Table;
pub use upload::{Upload, UploadExt, UploadProgress, Uploaded};
pub use value_type::ValueType;

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
