//! What the run says at the end.

use std::collections::BTreeMap;

use crate::pool::Ran;

/// Prints it; whether nothing failed that must not.
pub(crate) fn print(ran: &[Ran], deviations: &BTreeMap<String, String>) -> bool {
    let (passed, others): (Vec<_>, Vec<_>) = ran.iter().partition(|ran| ran.differences.is_empty());
    let (deviated, failed): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|ran| deviations.contains_key(&ran.id));
    for Ran { id, title, differences, .. } in &failed {
        println!("FAILED {id} ({title}): {}", differences.join("\n    "));
    }
    println!("{} deviate, as agreed:", deviated.len());
    for ran in &deviated {
        println!("  {}: {}", ran.id, deviations.get(&ran.id).map_or("", String::as_str));
    }
    println!("{} passed, {} failed", passed.len(), failed.len());
    // a selection of nothing is no success
    failed.is_empty() && !ran.is_empty()
}
