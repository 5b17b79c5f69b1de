//! Tests of several layers together. They stand here so that no file of a lower layer names a higher
//! one; tests of one file alone stand in it.

mod background;
mod execute;
mod in_flight;
mod keep_alive;
mod transition;
