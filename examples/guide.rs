//! The guide: its Rust code is compiled, and run where it can be, with the tests. `cargo xtask docs`
//! fails when a chapter is missing here.

#[doc = include_str!("../docs/guide/src/introduction.md")]
struct Introduction;

#[doc = include_str!("../docs/guide/src/first-login.md")]
struct FirstLogin;

#[doc = include_str!("../docs/guide/src/first-program.md")]
struct FirstProgram;

#[doc = include_str!("../docs/guide/src/auth.md")]
struct Authentication;

#[doc = include_str!("../docs/guide/src/networks.md")]
struct Networks;

#[doc = include_str!("../docs/guide/src/clusters.md")]
struct Clusters;

#[doc = include_str!("../docs/guide/src/long-jobs.md")]
struct LongJobs;

#[doc = include_str!("../docs/guide/src/secrets.md")]
struct Secrets;

#[doc = include_str!("../docs/guide/src/exporting.md")]
struct Exporting;

#[doc = include_str!("../docs/guide/src/python-sessions.md")]
struct PythonSessions;

#[doc = include_str!("../docs/guide/src/testing.md")]
struct Testing;

#[doc = include_str!("../docs/guide/src/command-line.md")]
struct CommandLine;

#[doc = include_str!("../docs/guide/src/troubleshooting.md")]
struct Troubleshooting;

#[doc = include_str!("../docs/guide/src/architecture.md")]
struct Architecture;

#[doc = include_str!("../docs/guide/src/porting.md")]
struct Porting;

#[doc = include_str!("../docs/guide/src/porting/sessions.md")]
struct PortingSessions;

#[doc = include_str!("../docs/guide/src/porting/inside.md")]
struct PortingInside;

#[doc = include_str!("../docs/guide/src/porting/http.md")]
struct PortingHttp;

#[doc = include_str!("../docs/guide/src/porting/mstrio.md")]
struct PortingMstrio;
