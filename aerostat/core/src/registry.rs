//! How providers are found by name.
//!
//! A provider crate lists what it offers in one static, and submits it:
//!
//! ```
//! # use std::sync::Arc;
//! # use aerostat_core::{registry::*, *};
//! # #[derive(Debug)] struct Mars;
//! # #[async_trait::async_trait]
//! # impl CloudProvider for Mars {
//! #     async fn identity(&self) -> Result<Identity> { unimplemented!() }
//! #     async fn census(&self) -> Result<Census> { unimplemented!() }
//! #     async fn look_up(&self, _: &[InstanceId]) -> Result<Census> { unimplemented!() }
//! # }
//! #[derive(Debug)]
//! struct MarsFactory;
//!
//! #[async_trait::async_trait]
//! impl CloudFactory for MarsFactory {
//!     async fn open(&self, context: Context) -> Result<Arc<dyn CloudProvider>> {
//!         // The provider reads its own section of the configuration here.
//!         Ok(Arc::new(Mars))
//!     }
//! }
//!
//! /// What this crate offers.
//! pub static PROVIDERS: ProviderCrate = ProviderCrate {
//!     name: env!("CARGO_PKG_NAME"),
//!     version: env!("CARGO_PKG_VERSION"),
//!     providers: &[Registration {
//!         name: "mars",
//!         summary: "the clouds of Mars",
//!         factory: Factory::Cloud(&MarsFactory),
//!     }],
//! };
//! aerostat_core::submit_providers!(PROVIDERS);
//! ```
//!
//! A program links the crates that it wants with [`link_providers!`](crate::link_providers), which also lets
//! [`Registry::linked`] see that each of them is really there: a crate that nothing refers to registers
//! nothing.

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

use crate::auth::AuthHook;
use crate::cloud::CloudProvider;
use crate::error::{Error, ErrorKind, Result};
use crate::root::Root;
use crate::section::Section;
use crate::sink::HostsSink;
use crate::store::NameStore;
use crate::suggest::nearest;

/// What a provider that is not a store gets when it is opened.
#[derive(Clone, Debug)]
pub struct Context {
    /// Its section of the configuration.
    pub section: Section,
    /// Where the files of the system lie.
    pub root: Root,
}

/// What may be done through a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only: the store makes nothing, not even itself. A store that isn't there yet reads as an empty
    /// table.
    ReadOnly,
    /// Read and change. A store that isn't there yet is made.
    ReadWrite,
}

/// Who waits for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A person at a terminal: an answer or an error within 10 seconds.
    Command,
    /// A daemon, which rather waits.
    Daemon,
}

/// What a store gets when it is opened.
#[derive(Clone, Debug)]
pub struct StoreContext {
    /// The whole URI, as it was written.
    pub uri: String,
    /// Its section of the configuration.
    pub section: Section,
    /// What may be done through it.
    pub access: Access,
    /// Who waits for it.
    pub patience: Patience,
    /// Whom to ask for a login; `None`: nobody.
    pub auth: Option<Arc<dyn AuthHook>>,
}

impl StoreContext {
    /// What follows the scheme in the URI: `x.db` of `sqlite:x.db`.
    #[must_use]
    pub fn after_scheme(&self) -> &str {
        self.uri.split_once(':').map_or("", |(_, rest)| rest)
    }
}

/// Opens a cloud.
#[async_trait]
pub trait CloudFactory: Send + Sync + Debug {
    /// Opens the cloud. It contacts nothing yet: that a cloud is away is the error of its methods.
    async fn open(&self, context: Context) -> Result<Arc<dyn CloudProvider>>;
}

/// Opens a store.
#[async_trait]
pub trait StoreFactory: Send + Sync + Debug {
    /// The URI schemes that the store answers to, in lower case.
    fn schemes(&self) -> &'static [&'static str];

    /// Opens the store and sees that it can be used.
    async fn open(&self, context: StoreContext) -> Result<Arc<dyn NameStore>>;
}

/// Opens a sink.
#[async_trait]
pub trait SinkFactory: Send + Sync + Debug {
    /// Opens the sink. It writes nothing yet.
    async fn open(&self, context: Context) -> Result<Arc<dyn HostsSink>>;
}

/// Opens a source of logins.
#[async_trait]
pub trait AuthFactory: Send + Sync + Debug {
    /// Opens the source. It fetches no login yet.
    async fn open(&self, context: Context) -> Result<Arc<dyn AuthHook>>;
}

/// Opens one provider; its variant says which of the four traits it implements.
#[derive(Clone, Copy, Debug)]
pub enum Factory {
    /// A cloud.
    Cloud(&'static dyn CloudFactory),
    /// A store.
    Store(&'static dyn StoreFactory),
    /// A sink.
    Sink(&'static dyn SinkFactory),
    /// A source of logins.
    Auth(&'static dyn AuthFactory),
}

/// Which of the four traits a provider implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// [`CloudProvider`].
    Cloud,
    /// [`NameStore`].
    Store,
    /// [`HostsSink`].
    Sink,
    /// [`AuthHook`].
    Auth,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Cloud => "cloud",
            Role::Store => "store",
            Role::Sink => "sink",
            Role::Auth => "auth",
        })
    }
}

impl Factory {
    /// Which trait it opens.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Factory::Cloud(_) => Role::Cloud,
            Factory::Store(_) => Role::Store,
            Factory::Sink(_) => Role::Sink,
            Factory::Auth(_) => Role::Auth,
        }
    }
}

/// One provider of a crate.
#[derive(Debug)]
pub struct Registration {
    /// The name, which is also that of its section of the configuration: lower case, unique over all roles.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Opens it.
    pub factory: Factory,
}

/// What a crate offers.
#[derive(Debug)]
pub struct ProviderCrate {
    /// The crate's name.
    pub name: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// Its providers.
    pub providers: &'static [Registration],
}

/// A [`ProviderCrate`] that submitted itself; made by [`submit_providers!`](crate::submit_providers).
#[doc(hidden)]
pub struct Submitted(pub &'static ProviderCrate);

inventory::collect!(Submitted);

/// Submits a static [`ProviderCrate`] to every program that links this crate.
#[macro_export]
macro_rules! submit_providers {
    ($providers:path) => {
        $crate::__private::inventory::submit! { $crate::registry::Submitted(&$providers) }
    };
}

/// Links provider crates by their names, and gives the list for [`Registry::linked`]:
/// `link_providers![aerostat_sqlite, #[cfg(feature = "mars")] my_mars]`.
#[macro_export]
macro_rules! link_providers {
    ($($(#[$attribute:meta])* $provider:ident),* $(,)?) => {{
        static LINKED: &[&$crate::ProviderCrate] = &[$($(#[$attribute])* &$provider::PROVIDERS),*];
        LINKED
    }};
}

/// A provider that exists, but was left out of this program by a Cargo feature.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut {
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: &'static str,
    /// Its URI schemes, if it is a store.
    pub schemes: &'static [&'static str],
    /// The Cargo feature that brings it in.
    pub feature: &'static str,
}

/// A provider with the crate that it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// The provider.
    pub registration: &'static Registration,
    /// Where it comes from.
    pub origin: &'static ProviderCrate,
}

impl Provider {
    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.registration.name
    }

    /// Its role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.registration.factory.role()
    }
}

/// All providers of a program, by role, then name.
#[derive(Clone, Debug)]
pub struct Registry {
    providers: Vec<Provider>,
    left_out: &'static [LeftOut],
}

impl Registry {
    /// All crates that submitted themselves. `linked` are the crates that this program means to have.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a linked crate submitted nothing, or two providers have one name or scheme.
    pub fn linked(linked: &[&'static ProviderCrate]) -> Result<Self> {
        let submitted: Vec<_> =
            inventory::iter::<Submitted>.into_iter().map(|submitted| submitted.0).collect();
        for wanted in linked {
            if !submitted.iter().any(|known| std::ptr::eq(*known, *wanted)) {
                return Err(Error::new(
                    ErrorKind::Internal,
                    format!("crate {} is linked, but never submitted its providers", wanted.name),
                )
                .hint("its lib.rs must call `aerostat_core::submit_providers!(PROVIDERS)`"));
            }
        }
        Self::of(submitted)
    }

    /// The providers of these crates and no others.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if two providers have one name or scheme.
    pub fn of(crates: impl IntoIterator<Item = &'static ProviderCrate>) -> Result<Self> {
        let mut providers: Vec<_> = crates
            .into_iter()
            .flat_map(|origin| {
                origin.providers.iter().map(move |registration| Provider { registration, origin })
            })
            .collect();
        providers.sort_by_key(|provider| (provider.role(), provider.name()));
        let registry = Self { providers, left_out: &[] };
        registry.refuse_twins()?;
        Ok(registry)
    }

    fn refuse_twins(&self) -> Result<()> {
        let twins = |what: &str, word: &str, a: &Provider, b: &Provider| {
            Error::new(
                ErrorKind::Internal,
                format!("crates {} and {} both offer the {what} {word:?}", a.origin.name, b.origin.name),
            )
            .hint("leave one of them out of the program")
        };
        for (at, one) in self.providers.iter().enumerate() {
            for other in self.providers.iter().skip(at + 1) {
                if one.name() == other.name() {
                    return Err(twins("provider", one.name(), one, other));
                }
                if let (Factory::Store(a), Factory::Store(b)) =
                    (one.registration.factory, other.registration.factory)
                    && let Some(scheme) = a.schemes().iter().find(|scheme| b.schemes().contains(scheme))
                {
                    return Err(twins("scheme", scheme, one, other));
                }
            }
        }
        Ok(())
    }

    /// Names the providers that a feature left out, for the errors about them.
    #[must_use]
    pub fn with_left_out(mut self, left_out: &'static [LeftOut]) -> Self {
        self.left_out = left_out;
        self
    }

    /// All providers, by role, then name.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The providers of a role, by name.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(move |provider| provider.role() == role)
    }

    /// The provider that answers to the scheme of a store's URI.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`find`](Self::find).
    pub fn store(&self, uri: &str) -> Result<(Provider, &'static dyn StoreFactory)> {
        let scheme = uri.split_once(':').map_or(uri, |(scheme, _)| scheme).to_ascii_lowercase();
        let stores = || {
            self.of_role(Role::Store).filter_map(|provider| match provider.registration.factory {
                Factory::Store(factory) => Some((*provider, factory)),
                _ => None,
            })
        };
        stores().find(|(_, factory)| factory.schemes().contains(&scheme.as_str())).ok_or_else(|| {
            let schemes: Vec<_> = stores().flat_map(|(_, factory)| factory.schemes()).copied().collect();
            let left_out = self.left_out.iter().find(|left| left.schemes.contains(&scheme.as_str()));
            missing("store with the scheme", &scheme, left_out, &schemes)
        })
    }

    /// The cloud of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`find`](Self::find).
    pub fn cloud(&self, name: &str) -> Result<&'static dyn CloudFactory> {
        self.find(Role::Cloud, name, |factory| match factory {
            Factory::Cloud(factory) => Some(factory),
            _ => None,
        })
    }

    /// The sink of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`find`](Self::find).
    pub fn sink(&self, name: &str) -> Result<&'static dyn SinkFactory> {
        self.find(Role::Sink, name, |factory| match factory {
            Factory::Sink(factory) => Some(factory),
            _ => None,
        })
    }

    /// The source of logins of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`find`](Self::find).
    pub fn auth(&self, name: &str) -> Result<&'static dyn AuthFactory> {
        self.find(Role::Auth, name, |factory| match factory {
            Factory::Auth(factory) => Some(factory),
            _ => None,
        })
    }

    /// The factory of that role and name. An unknown name lists what exists; one that was left out of the
    /// program names the feature.
    fn find<T>(&self, role: Role, name: &str, cast: impl Fn(Factory) -> Option<T>) -> Result<T> {
        self.of_role(role)
            .find(|provider| provider.name() == name)
            .and_then(|provider| cast(provider.registration.factory))
            .ok_or_else(|| {
                let known: Vec<_> = self.of_role(role).map(Provider::name).collect();
                let left_out = self.left_out.iter().find(|left| left.role == role && left.name == name);
                missing(&format!("{role} with the name"), name, left_out, &known)
            })
    }
}

fn missing(what: &str, name: &str, left_out: Option<&LeftOut>, known: &[&str]) -> Error {
    if let Some(LeftOut { feature, .. }) = left_out {
        return Error::new(ErrorKind::Config, format!("this program was built without the {what} {name:?}"))
            .hint(format!("build it with the Cargo feature `{feature}`"));
    }
    let mut there = format!("there is: {}", known.join(", "));
    if let Some(near) = nearest(name, known.iter().copied()) {
        there = format!("did you mean {near:?}? {there}");
    }
    Error::new(ErrorKind::Config, format!("there is no {what} {name:?}")).hint(there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;

    const MARS: LeftOut =
        LeftOut { role: Role::Store, name: "mars", schemes: &["mars", "mars+srv"], feature: "mars" };

    static TWIN: ProviderCrate =
        ProviderCrate { name: "twin", version: "0", providers: memory::PROVIDERS.providers };
    static UNSUBMITTED: ProviderCrate = ProviderCrate { name: "unsubmitted", version: "0", providers: &[] };

    fn registry() -> Registry {
        Registry::linked(&[&memory::PROVIDERS]).unwrap().with_left_out(&[MARS])
    }

    #[test]
    fn a_store_is_found_by_its_scheme_in_any_case() {
        assert_eq!(registry().store("memory:").unwrap().0.name(), "memory");
        assert_eq!(registry().store("MEMORY:x").unwrap().0.name(), "memory");
    }

    #[test]
    fn an_unknown_name_lists_what_exists() {
        let error = registry().store("memroy:").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.advice(), Some("did you mean \"memory\"? there is: memory"));
    }

    #[test]
    fn a_provider_that_was_left_out_names_its_feature() {
        let error = registry().store("mars+srv://x").unwrap_err();
        assert!(error.message().contains("built without"), "{error}");
        assert_eq!(error.advice(), Some("build it with the Cargo feature `mars`"));
    }

    #[test]
    fn two_providers_of_one_name_are_refused() {
        let error = Registry::of([&memory::PROVIDERS, &TWIN]).unwrap_err();
        assert!(error.message().contains("aerostat-core and twin both offer"), "{error}");
    }

    #[test]
    fn a_linked_crate_that_submitted_nothing_is_noticed() {
        let error = Registry::linked(&[&UNSUBMITTED]).unwrap_err();
        assert!(error.message().contains("crate unsubmitted is linked"), "{error}");
    }
}
