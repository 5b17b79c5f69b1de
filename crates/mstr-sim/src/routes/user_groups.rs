//! `/usergroups/...`: who is in which group.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, answer, body, invalid};
use super::lists::{list as listed, only};
use super::objects::{exists, not_found};
use super::patch::operations;
use super::users::{brief, enter, groups_of};
use super::privileges;
use crate::directory::{Directory, EVERYONE, Group};
use crate::metadata::{OWNER_ID, USER, date};
use crate::{Reply, lock, random};

/// `GET /usergroups`: by name.
pub(super) async fn list(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let begins = request.query_value("nameBegins").unwrap_or_default().to_lowercase();
        let directory = lock(&sim.directory);
        let groups = directory.groups.all();
        let named = groups.iter().filter(|one| one.name.to_lowercase().starts_with(&begins));
        let shown: Vec<Json> = named.map(|group| show(group)).collect();
        listed(&sim, &request, &shown)
    }))
}

/// `GET /usergroups/{id}`.
pub(super) async fn one(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        let shown = show(find(&directory, &id)?);
        Ok(Reply::json(200, &only(&shown, request.query_value("fields").as_deref())))
    }))
}

/// `POST /usergroups`: 201 with the group.
pub(super) async fn create(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
        let name = text("name").ok_or_else(|| invalid("name is missing"))?;
        let mut group = Group::new(&random::upper_hex(), name);
        group.description = text("description").unwrap_or_default().to_owned();
        group.ldapdn = text("ldapdn").unwrap_or_default().to_owned();
        group.created = date(sim.clock.now());
        group.modified.clone_from(&group.created);
        let ids = |name: &str| -> Vec<String> {
            let list = body.get(name).and_then(Json::as_array).into_iter().flatten();
            list.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let mut directory = lock(&sim.directory);
        if directory.groups.all().iter().any(|one| one.name == name) {
            return Err(exists(name));
        }
        for member in ids("members") {
            directory.trustee(&member).ok_or_else(|| not_found(&member, USER))?;
            group.members.insert(member);
        }
        for above in ids("memberships") {
            let above = directory.groups.get_mut(&above).ok_or_else(|| not_found(&above, USER))?;
            above.members.insert(group.id.clone());
        }
        let shown = show(&group);
        directory.groups.put(group);
        Ok(Reply::json(201, &shown))
    }))
}

/// `PATCH /usergroups/{id}`: 200 with the group.
pub(super) async fn change(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let mut directory = lock(&sim.directory);
        let mut group = find(&directory, &id)?.clone();
        for operation in operations(&body)? {
            match operation.member {
                "name" => group.name = operation.text()?,
                "description" => group.description = operation.text()?,
                "ldapdn" => group.ldapdn = operation.text()?,
                "privileges" => operation.apply(&mut group.privileges)?,
                "members" => {
                    operation.apply(&mut group.members)?;
                    let stranger = |id: &&String| directory.trustee(id).is_none();
                    if let Some(stranger) = group.members.iter().find(stranger) {
                        return Err(not_found(stranger, USER));
                    }
                }
                "memberships" => {
                    let mut above = directory.groups.of(&id).iter().map(|g| g.id.clone()).collect();
                    operation.apply(&mut above)?;
                    directory.groups.forget(&id);
                    for above in above {
                        let found = directory.groups.get_mut(&above);
                        let found = found.ok_or_else(|| not_found(&above, USER))?;
                        found.members.insert(id.clone());
                    }
                }
                member => return Err(invalid(&format!("Unknown path /{member}"))),
            }
        }
        group.modified = date(sim.clock.now());
        let shown = show(&group);
        directory.groups.put(group);
        Ok(Reply::json(200, &shown))
    }))
}

/// `DELETE /usergroups/{id}`: 204.
pub(super) async fn delete(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let removed = lock(&sim.directory).groups.remove(&id);
        if removed { Ok(Reply::new(204)) } else { Err(not_found(&id, USER)) }
    }))
}

/// `GET /usergroups/{id}/members`: users and groups.
pub(super) async fn members(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        let group = find(&directory, &id)?;
        let is_in = |id: &String| group.members.contains(id);
        let users = directory.users.iter().filter(|(_, user)| group.id == EVERYONE || is_in(&user.id));
        let users = users.map(|(login, user)| brief(login, user));
        let groups = directory.groups.all();
        let groups = groups.iter().filter(|other| is_in(&other.id)).map(|other| show(other));
        let shown: Vec<Json> = users.chain(groups).collect();
        listed(&sim, &request, &shown)
    }))
}

/// `GET /usergroups/{id}/memberships`.
pub(super) async fn memberships(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        find(&directory, &id)?;
        Ok(Reply::json(200, &json!({ "memberships": groups_of(&directory, &id) })))
    }))
}

/// `GET /usergroups/{id}/privileges`.
pub(super) async fn privileges(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        let group = find(&directory, &id)?;
        let above = directory.groups.of(&id);
        Ok(Reply::json(200, &privileges::shown(&group.privileges, &above)))
    }))
}

/// `GET /usergroups/{id}/securityRoles`: no group has any.
pub(super) async fn security_roles(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        find(&lock(&sim.directory), &id)?;
        Ok(Reply::json(200, &json!({ "projects": [] })))
    }))
}

/// `GET /usergroups/{id}/settings`: the members are made up.
pub(super) async fn settings(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        find(&lock(&sim.directory), &id)?;
        Ok(Reply::json(200, &json!({ "requireMFA": false })))
    }))
}

fn find<'a>(directory: &'a Directory, id: &str) -> Result<&'a Group, Reply> {
    directory.groups.get(id).ok_or_else(|| not_found(id, USER))
}

/// A group as an object (members that clients read).
fn show(group: &Group) -> Json {
    let zoned = |date: &str| format!("{date}.000+0000");
    json!({
        "name": group.name,
        "id": group.id,
        "type": USER,
        "subtype": 8705,
        "extType": 0,
        "abbreviation": "",
        "description": group.description,
        "dateCreated": zoned(&group.created),
        "dateModified": zoned(&group.modified),
        "version": random::id_of(&group.modified),
        "acg": 255,
        "acl": [],
        "ancestors": [],
        "owner": { "name": "Administrator", "id": OWNER_ID },
        "ldapdn": group.ldapdn,
    })
}
