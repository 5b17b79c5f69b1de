#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod definition;
mod dictionary;
mod grid;
mod layout;
mod metric;
mod page;
mod pivot;
mod table;

pub use grid::{GridOptions, GridPage, GridReader};
pub use metric::MetricType;
