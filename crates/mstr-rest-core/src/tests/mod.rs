//! Tests of several layers. They are in this folder so that no file of a lower layer uses a higher
//! layer. Tests of a single file are in that file.

mod background;
mod execute;
mod in_flight;
mod keep_alive;
mod transition;
