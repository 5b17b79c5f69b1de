//! In what order the crates of the workspace can be published, and whether their versions agree.

use crate::workspace::Package;

/// The published packages, each after all that it needs from this workspace; by name where that
/// leaves a choice.
pub(crate) fn publish_order(packages: &[Package]) -> Result<Vec<&Package>, String> {
    let mut left: Vec<&Package> = packages.iter().filter(|package| package.published).collect();
    left.sort_by(|a, b| a.name.cmp(&b.name));
    let mut order: Vec<&Package> = Vec::new();
    while !left.is_empty() {
        let is_left = |name: &str| left.iter().any(|package| package.name == name);
        let ready = left.iter().position(|p| p.needs.iter().all(|(name, _)| !is_left(name)));
        let Some(at) = ready else {
            let names: Vec<_> = left.iter().map(|package| package.name.as_str()).collect();
            return Err(format!("these need each other: {}", names.join(", ")));
        };
        order.push(left.remove(at));
    }
    Ok(order)
}

/// Versions that differ, and dependencies that a registry could not serve.
pub(crate) fn version_problems(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    let published = || packages.iter().filter(|package| package.published);
    let Some(version) = published().map(|package| &package.version).next() else {
        return vec!["no package is published".into()];
    };
    for Package { name, version: own, needs, .. } in published() {
        if own != version {
            problems.push(format!("{name} is {own}, others are {version}"));
        }
        for (needed, wanted) in needs {
            match packages.iter().find(|package| package.name == *needed) {
                None => problems.push(format!("{name} needs {needed}, which is no member")),
                Some(package) if !package.published => {
                    problems.push(format!("{name} needs {needed}, which is not published"));
                }
                Some(package) if *wanted != format!("^{}", package.version) => {
                    problems.push(format!(
                        "{name} wants {needed} {wanted}, which is {}",
                        package.version
                    ));
                }
                Some(_) => {}
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str]) -> Package {
        Package {
            name: name.into(),
            version: "0.1.0".into(),
            published: true,
            needs: needs.iter().map(|need| ((*need).into(), "^0.1.0".into())).collect(),
            ..Package::default()
        }
    }

    #[test]
    fn after_what_they_need() {
        let private = Package { published: false, ..package("bench", &["cli"]) };
        let packages = [
            package("cli", &["rest", "sim"]),
            package("rest", &["sim"]),
            private,
            package("sim", &[]),
        ];
        let order = publish_order(&packages).unwrap();
        let names: Vec<_> = order.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["sim", "rest", "cli"]);
    }

    #[test]
    fn a_circle_has_no_order() {
        let packages = [package("a", &["b"]), package("b", &["a"]), package("c", &[])];
        assert_eq!(publish_order(&packages).unwrap_err(), "these need each other: a, b");
    }

    #[test]
    fn versions_agree() {
        let mut packages = [package("a", &["b"]), package("b", &[])];
        assert!(version_problems(&packages).is_empty());
        packages[1].version = "0.2.0".into();
        assert_eq!(
            version_problems(&packages),
            ["a wants b ^0.1.0, which is 0.2.0", "b is 0.2.0, others are 0.1.0"]
        );
    }

    #[test]
    fn what_is_needed_is_published() {
        let mut packages = [package("a", &["b", "c"]), package("b", &[])];
        packages[1].published = false;
        assert_eq!(
            version_problems(&packages),
            ["a needs b, which is not published", "a needs c, which is no member"]
        );
        assert!(!version_problems(&packages[1..]).is_empty());
    }
}
