//! What clients in other languages tell the stubs: `/__stub__/` beside the services.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /__stub__/fetches` | gives how often a secret was asked for |
//! | `POST /__stub__/mood/MOOD` | how both services behave from now on: `answers`, `denies`, `throttles`, `garbles` |
//! | `POST /__stub__/checksum/KIND` | the checksum of Google's replies: `right`, `wrong`, `absent` |
//! | `POST /__stub__/disable/NAME` | disables a secret of Key Vault |
//! | `POST /__stub__/without-value/NAME` | a secret of Key Vault without a value |

use crate::{Azure, Gcp, Reply, Request, contract::Mood, gcp::Checksum};

/// What is said to a request of this kind; `None` when it is none.
pub fn answer(azure: &Azure, gcp: &Gcp, request: &Request) -> Option<Reply> {
    let words: Vec<&str> = request.path.strip_prefix("/__stub__/")?.split('/').collect();
    let done = Reply::status(204);
    Some(match (request.method.as_str(), words.as_slice()) {
        ("GET", ["fetches"]) => Reply::json(200, (azure.fetches() + gcp.fetches()).to_string()),
        ("POST", ["mood", name]) => match mood(name) {
            Some(mood) => {
                azure.set(mood);
                gcp.set(mood);
                done
            }
            None => Reply::status(404),
        },
        ("POST", ["checksum", kind]) => {
            gcp.checksum(match *kind {
                "wrong" => Checksum::Wrong,
                "absent" => Checksum::Absent,
                _ => Checksum::Right,
            });
            done
        }
        ("POST", ["disable", name]) => {
            azure.disable(name);
            done
        }
        ("POST", ["without-value", name]) => {
            azure.put(name, None);
            done
        }
        _ => Reply::status(404),
    })
}

fn mood(name: &str) -> Option<Mood> {
    Some(match name {
        "answers" => Mood::Answers,
        "denies" => Mood::Denies,
        "throttles" => Mood::Throttles,
        "garbles" => Mood::Garbles,
        _ => return None,
    })
}
