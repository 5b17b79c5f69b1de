//! `/users/...`: who the server knows. What is made here can log in.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, TwoIds, answer, body, invalid};
use super::lists::{list as listed, only};
use super::objects::{exists, not_found};
use super::patch::operations;
use super::privileges;
use crate::directory::{Directory, User};
use crate::metadata::{OWNER_ID, USER, date};
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, lock, pipeline, random};

/// Lets a request in that has a session; no project is needed.
pub(super) fn enter(sim: &Sim, request: &RecordedRequest) -> Result<(), Reply> {
    pipeline::enter(sim, request, None)
}

/// `GET /users`: by name.
pub(super) async fn list(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let begins = |name: &str| request.query_value(name).unwrap_or_default().to_lowercase();
        let (name, login) = (begins("nameBegins"), begins("abbreviationBegins"));
        let directory = lock(&sim.directory);
        let mut users: Vec<_> = directory
            .users
            .iter()
            .filter(|(own, user)| {
                user.full_name.to_lowercase().starts_with(&name)
                    && own.to_lowercase().starts_with(&login)
            })
            .collect();
        users.sort_by_key(|(login, user)| (&user.full_name, *login));
        let shown: Vec<Json> = users.iter().map(|(login, user)| brief(login, user)).collect();
        listed(&sim, &request, &shown)
    }))
}

/// `GET /users/{id}`.
pub(super) async fn one(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        let shown = full(&directory, &id)?;
        Ok(Reply::json(200, &only(&shown, request.query_value("fields").as_deref())))
    }))
}

/// `POST /users`: 201 with the user.
pub(super) async fn create(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
        let login = text("username").ok_or_else(|| missing("username"))?;
        let mut user = User::named(login);
        user.id = random::upper_hex();
        user.full_name = text("fullName").ok_or_else(|| missing("fullName"))?.to_owned();
        user.standard = Some(text("password").unwrap_or_default().to_owned());
        user.account.created = date(sim.clock.now());
        user.account.modified.clone_from(&user.account.created);
        user.account.enabled = body.get("enabled").and_then(Json::as_bool).unwrap_or(true);
        for (name, value) in &mut user.account.members {
            if let Some(wanted) = body.get(name) {
                value.clone_from(wanted);
            }
        }
        let mut directory = lock(&sim.directory);
        if directory.users.contains_key(login) {
            return Err(exists(login));
        }
        let groups = body.get("memberships").and_then(Json::as_array);
        for group in groups.into_iter().flatten().filter_map(Json::as_str) {
            let found = directory.groups.get_mut(group).ok_or_else(|| not_found(group, USER))?;
            found.members.insert(user.id.clone());
        }
        let id = user.id.clone();
        directory.users.insert(login.to_owned(), user);
        Ok(Reply::json(201, &full(&directory, &id)?))
    }))
}

/// `PATCH /users/{id}`: 200 with the user.
pub(super) async fn change(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let mut directory = lock(&sim.directory);
        let login = directory.login_of(&id).ok_or_else(|| not_found(&id, USER))?;
        for operation in operations(&body)? {
            match operation.member {
                "username" => rename(&mut directory, &id, &operation.text()?)?,
                "memberships" => {
                    let mut groups = directory.groups.of(&id).iter().map(|g| g.id.clone()).collect();
                    operation.apply(&mut groups)?;
                    set_groups(&mut directory, &id, &groups);
                }
                member => {
                    let user = directory.by_id_mut(&id).ok_or_else(|| not_found(&id, USER))?;
                    match member {
                        "fullName" | "name" => user.full_name = operation.text()?,
                        "password" => user.standard = Some(operation.text()?),
                        "privileges" => operation.apply(&mut user.account.privileges)?,
                        "enabled" => {
                            let yes = operation.value.as_bool();
                            user.account.enabled = yes.ok_or_else(|| missing("enabled"))?;
                        }
                        member => match user.account.members.get_mut(member) {
                            Some(value) => value.clone_from(operation.value),
                            None => return Err(invalid(&format!("Unknown path /{member}"))),
                        },
                    }
                }
            }
        }
        if let Some(user) = directory.by_id_mut(&id) {
            user.account.modified = date(sim.clock.now());
        }
        if directory.by_id(&id).is_some_and(|user| !user.account.enabled) {
            sim.sessions(|sessions, _| sessions.end_user(&login));
        }
        Ok(Reply::json(200, &full(&directory, &id)?))
    }))
}

fn rename(directory: &mut Directory, id: &str, login: &str) -> Result<(), Reply> {
    let old = directory.login_of(id).unwrap_or_default();
    if old == login {
        return Ok(());
    }
    if directory.users.contains_key(login) {
        return Err(exists(login));
    }
    if let Some(user) = directory.users.remove(&old) {
        directory.users.insert(login.to_owned(), user);
    }
    Ok(())
}

fn set_groups(
    directory: &mut Directory,
    id: &str,
    groups: &std::collections::BTreeSet<String>,
) {
    directory.groups.forget(id);
    for group in groups {
        if let Some(group) = directory.groups.get_mut(group) {
            group.members.insert(id.to_owned());
        }
    }
}

/// `DELETE /users/{id}`: 204; the user's sessions end (inferred).
pub(super) async fn delete(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let login = lock(&sim.directory).remove(&id).ok_or_else(|| not_found(&id, USER))?;
        sim.sessions(|sessions, _| sessions.end_user(&login));
        Ok(Reply::new(204))
    }))
}

/// `GET /users/{id}/memberships`.
pub(super) async fn memberships(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        directory.by_id(&id).ok_or_else(|| not_found(&id, USER))?;
        Ok(Reply::json(200, &json!({ "memberships": groups_of(&directory, &id) })))
    }))
}

/// `GET /users/{id}/privileges`: given directly, and through groups.
pub(super) async fn privileges(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        let user = directory.by_id(&id).ok_or_else(|| not_found(&id, USER))?;
        let groups = directory.groups.of(&id);
        Ok(Reply::json(200, &privileges::shown(&user.account.privileges, &groups)))
    }))
}

/// `GET /users/{id}/securityRoles`: nobody has any.
pub(super) async fn security_roles(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(nothing(&sim, &request, &id, "projects"))
}

/// `GET /users/{id}/securityFilters`: nobody has any.
pub(super) async fn security_filters(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(nothing(&sim, &request, &id, "projects"))
}

fn nothing(sim: &Sim, request: &RecordedRequest, id: &str, name: &str) -> Result<Reply, Reply> {
    enter(sim, request)?;
    lock(&sim.directory).by_id(id).ok_or_else(|| not_found(id, USER))?;
    Ok(Reply::json(200, &json!({ name: [] })))
}

/// `GET /users/{id}/settings`.
pub(super) async fn settings(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let directory = lock(&sim.directory);
        let user = directory.by_id(&id).ok_or_else(|| not_found(&id, USER))?;
        Ok(Reply::json(200, &user.account.settings))
    }))
}

/// `PATCH /users/{id}/settings`: 200 with all of them.
pub(super) async fn set_settings(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let mut directory = lock(&sim.directory);
        let user = directory.by_id_mut(&id).ok_or_else(|| not_found(&id, USER))?;
        user.account.settings.extend(body.as_object().cloned().unwrap_or_default());
        Ok(Reply::json(200, &user.account.settings))
    }))
}

/// `GET /v2/users/{id}/addresses`.
pub(super) async fn addresses(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| shown_addresses(&lock(&sim.directory), &id)))
}

/// `GET /users/{id}/addresses`, the older form.
pub(super) async fn old_addresses(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| shown_addresses(&lock(&sim.directory), &id)))
}

fn shown_addresses(directory: &Directory, id: &str) -> Result<Reply, Reply> {
    let user = directory.by_id(id).ok_or_else(|| not_found(id, USER))?;
    Ok(Reply::json(200, &json!({ "addresses": user.account.addresses })))
}

/// `POST /v2/users/{id}/addresses`: 201 with all of them (the status is inferred).
pub(super) async fn add_address(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let mut address = address(&body(&request)?)?;
        address["id"] = random::upper_hex().into();
        let mut directory = lock(&sim.directory);
        let user = directory.by_id_mut(&id).ok_or_else(|| not_found(&id, USER))?;
        user.account.addresses.push(address);
        Ok(Reply::json(201, &json!({ "addresses": user.account.addresses })))
    }))
}

/// `PUT /v2/users/{id}/addresses/{address}`: 200 with all of them (inferred).
pub(super) async fn replace_address(
    State(sim): Server,
    Extension(request): Request,
    Path((id, which)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let mut address = address(&body(&request)?)?;
        address["id"] = which.as_str().into();
        let mut directory = lock(&sim.directory);
        let user = directory.by_id_mut(&id).ok_or_else(|| not_found(&id, USER))?;
        let mut addresses = user.account.addresses.iter_mut();
        let found = addresses.find(|own| own["id"] == which.as_str());
        *found.ok_or_else(|| not_found(&which, USER))? = address;
        Ok(Reply::json(200, &json!({ "addresses": user.account.addresses })))
    }))
}

/// `DELETE /users/{id}/addresses/{address}`: 204.
pub(super) async fn delete_address(
    State(sim): Server,
    Extension(request): Request,
    Path((id, which)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let mut directory = lock(&sim.directory);
        let user = directory.by_id_mut(&id).ok_or_else(|| not_found(&id, USER))?;
        let before = user.account.addresses.len();
        user.account.addresses.retain(|own| own["id"] != which.as_str());
        let gone = user.account.addresses.len() < before;
        if gone { Ok(Reply::new(204)) } else { Err(not_found(&which, USER)) }
    }))
}

fn address(body: &Json) -> Result<Json, Reply> {
    let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
    let value = text("physicalAddress").ok_or_else(|| missing("physicalAddress"))?;
    // `idDefault` is what mstrio-py sends
    let default = body.get("isDefault").or_else(|| body.get("idDefault")).and_then(Json::as_bool);
    Ok(json!({
        "name": text("name").unwrap_or_default(),
        "physicalAddress": value,
        "deliveryType": text("deliveryType").unwrap_or("email"),
        "deviceId": text("deviceId").unwrap_or_default(),
        "isDefault": default.unwrap_or(false),
    }))
}

fn missing(name: &str) -> Reply {
    Reply::error(400, "ERR005", &format!("{name} is missing"))
}

/// As lists show a user (members that clients read).
pub(super) fn brief(login: &str, user: &User) -> Json {
    let zoned = |date: &str| format!("{date}.000+0000");
    json!({
        "name": user.full_name,
        "id": user.id,
        "type": USER,
        "subtype": 8704,
        "extType": 0,
        "abbreviation": login,
        "username": login,
        "dateCreated": zoned(&user.account.created),
        "dateModified": zoned(&user.account.modified),
        "version": random::id_of(&user.account.modified),
        "acg": 255,
        "owner": { "name": "Administrator", "id": OWNER_ID },
        "initials": user.initials(),
        "enabled": user.account.enabled,
    })
}

/// With all that the server shows of one.
fn full(directory: &Directory, id: &str) -> Result<Json, Reply> {
    let login = directory.login_of(id).ok_or_else(|| not_found(id, USER))?;
    let user = directory.by_id(id).ok_or_else(|| not_found(id, USER))?;
    let mut shown = brief(&login, user);
    shown["fullName"] = user.full_name.as_str().into();
    shown["acl"] = json!([]);
    shown["ancestors"] = json!([]);
    shown["memberships"] = groups_of(directory, id);
    for (name, value) in &user.account.members {
        shown[name] = value.clone();
    }
    Ok(shown)
}

pub(super) fn groups_of(directory: &Directory, id: &str) -> Json {
    let groups = directory.groups.of(id);
    groups.iter().map(|group| json!({ "id": group.id, "name": group.name })).collect()
}
