//! Users: listed, made, changed, deleted, and what belongs to them.

mod addresses;
mod changes;
mod model;
mod secret;

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Response, Result, Session};
use serde_json::{Map, Value};

pub use addresses::{Address, NewAddress};
pub use changes::{NewUser, UserChanges};
pub use model::{Privilege, PrivilegeSource, ProjectRoles, User, UserPrivilege};

use crate::changes::{changed, changed_or_read, made};
use crate::paging::Wrapped;
use crate::{AddressId, List, Named, sealed};

/// Users of the server.
pub trait UsersExt: sealed::Sealed {
    /// The handler of users. They belong to the whole server: no call carries a project.
    fn users(&self) -> Users;
}

impl UsersExt for Session {
    fn users(&self) -> Users {
        Users::new(self)
    }
}

/// Users. Owned and cheap to clone. Seeing and changing users takes privileges of administrators.
///
/// ```no_run
/// use mstr_rest_api::{NewUser, UserChanges, UsersExt};
/// use mstr_rest_core::Credential;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let users = session.users();
/// let mut list = users.list().name_begins_with("Sm").stream();
/// while let Some(user) = list.next().await {
///     let user = user?;
///     println!("{}  {:?}  {}", user.id, user.username, user.name);
/// }
/// let new = NewUser::new("psmith").full_name("Pat Smith");
/// let new = new.password(Credential::env("NEW_PASSWORD"));
/// let user = users.create(new).await?;
/// users.update(&user.id, UserChanges::new().enabled(false)).await?;
/// users.delete(&user.id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Users {
    session: Session,
}

impl Users {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn one(&self, method: Method, id: impl AsRef<str>) -> Call<Response> {
        self.session.call(method, "users").segment(id).without_project().require_session()
    }

    /// All users: `GET /users`. Lists say less of each than [`get`](Self::get).
    pub fn list(&self) -> List<User> {
        List::new(self.session.get("users").without_project())
    }

    /// One user: `GET /users/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](mstr_rest_core::ErrorKind::ResourceNotFound) when there is no such
    /// user.
    pub fn get(&self, id: impl AsRef<str>) -> Call<User> {
        self.one(Method::GET, id).decode()
    }

    /// Makes a user, and gives it: `POST /users`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest) without a user name or a full
    /// name, and nothing is sent; what the password's source fails with;
    /// [`ObjectAlreadyExists`](mstr_rest_core::ErrorKind::ObjectAlreadyExists). No error holds the
    /// password.
    pub fn create(&self, user: NewUser) -> impl Future<Output = Result<User>> + Send + use<> {
        let call = self.session.post("users").without_project().require_session();
        async move {
            let (name, username) = user.names();
            let (body, password) = user.body().await?;
            let call = made(call.json(&body), move |id| User {
                id,
                name: name.clone(),
                username: username.clone(),
                ..User::default()
            });
            secret::keep(call.await, password.as_ref())
        }
    }

    /// Changes a user, and gives it as it is then: `PATCH /users/{id}` with a list of operations.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest) without
    /// any change, and nothing is sent; what the password's source fails with. No error holds the
    /// password.
    pub fn update(
        &self,
        id: &str,
        changes: UserChanges,
    ) -> impl Future<Output = Result<User>> + Send + use<> {
        let (call, get) = (self.one(Method::PATCH, id), self.get(id));
        async move {
            let (body, password) = changes.body().await?;
            secret::keep(changed_or_read(call.json(&body), get).await, password.as_ref())
        }
    }

    /// Deletes a user: `DELETE /users/{id}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, id: impl AsRef<str>) -> Call<()> {
        self.one(Method::DELETE, id).decode_with(|_| Ok(()))
    }

    /// The groups that a user is directly in: `GET /users/{id}/memberships`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn memberships(&self, id: impl AsRef<str>) -> Call<Vec<Named>> {
        listed(self.one(Method::GET, id).segment("memberships"))
    }

    /// What a user may do, and through what: `GET /users/{id}/privileges`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn privileges(&self, id: impl AsRef<str>) -> Call<Vec<UserPrivilege>> {
        listed(self.one(Method::GET, id).segment("privileges"))
    }

    /// The security roles of a user, project by project: `GET /users/{id}/securityRoles`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn security_roles(&self, id: impl AsRef<str>) -> Call<Vec<ProjectRoles>> {
        listed(self.one(Method::GET, id).segment("securityRoles"))
    }

    /// The security filters of a user, project by project: `GET /users/{id}/securityFilters`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn security_filters(&self, id: impl AsRef<str>) -> Call<Vec<ProjectRoles>> {
        listed(self.one(Method::GET, id).segment("securityFilters"))
    }

    /// The settings of a user, as the server has them: `GET /users/{id}/settings`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn settings(&self, id: impl AsRef<str>) -> Call<Map<String, Value>> {
        self.one(Method::GET, id).segment("settings").decode()
    }

    /// Changes settings of a user: `PATCH /users/{id}/settings`. Those that are not named stay.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn set_settings(&self, id: impl AsRef<str>, settings: &Map<String, Value>) -> Call<()> {
        let call = self.one(Method::PATCH, id).segment("settings").json(settings);
        let call = if settings.is_empty() {
            call.fail_with(crate::objects::nothing_to_change())
        } else {
            call
        };
        call.decode_with(|_| Ok(()))
    }

    /// Where a user can be reached: `GET /v2/users/{id}/addresses`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn addresses(&self, id: impl AsRef<str>) -> Call<Vec<Address>> {
        listed(self.addresses_of(Method::GET, id))
    }

    /// Adds an address, and gives all that the user has then: `POST /v2/users/{id}/addresses`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn add_address(
        &self,
        id: &str,
        address: &NewAddress,
    ) -> impl Future<Output = Result<Vec<Address>>> + Send + use<> {
        let get = self.addresses(id);
        let call = self.addresses_of(Method::POST, id).json(address);
        async move {
            match changed::<Wrapped<Address>>(call).await? {
                Some(list) => Ok(list.items),
                None => get.await,
            }
        }
    }

    /// Puts another address in place of one:
    /// `PUT /v2/users/{id}/addresses/{address}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn replace_address(
        &self,
        id: impl AsRef<str>,
        address_id: impl Into<AddressId>,
        address: &NewAddress,
    ) -> Call<()> {
        let call = self.addresses_of(Method::PUT, id).segment(address_id.into()).json(address);
        call.decode_with(|_| Ok(()))
    }

    /// Takes an address away: `DELETE /users/{id}/addresses/{address}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete_address(
        &self,
        id: impl AsRef<str>,
        address_id: impl Into<AddressId>,
    ) -> Call<()> {
        let call = self.one(Method::DELETE, id).segment("addresses");
        let call = call.segment(address_id.into());
        call.decode_with(|_| Ok(()))
    }

    fn addresses_of(&self, method: Method, id: impl AsRef<str>) -> Call<Response> {
        let call = self.session.call(method, "v2/users").segment(id).segment("addresses");
        call.without_project().require_session()
    }
}

/// A whole list in one reply, alone or wrapped.
pub(crate) fn listed<T>(call: Call<Response>) -> Call<Vec<T>>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    call.decode::<Wrapped<T>>().map(|list| Ok(list.items))
}

/// Which users.
impl List<User> {
    /// Users whose full names begin with this text.
    #[doc(alias = "name_begins")]
    pub fn name_begins_with(self, text: impl AsRef<str>) -> Self {
        self.with(|call| call.query("nameBegins", text.as_ref()))
    }

    /// Users whose user names, which they log in with, begin with this text.
    #[doc(alias = "abbreviation_begins")]
    pub fn username_begins_with(self, text: impl AsRef<str>) -> Self {
        self.with(|call| call.query("abbreviationBegins", text.as_ref()))
    }
}
