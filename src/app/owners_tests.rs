//! Who manages a release, as far as it can be known.

use std::sync::Arc;

use super::owners::Owners;
use crate::domain::feed::{Permission, Trouble};
use crate::domain::fixtures::{at, canary, owner_part};
use crate::domain::ids::{ClusterName, Name, Namespace, WorkloadRef};
use crate::domain::owner::{Application, Flux, Managed, Owner, OwnerState, OwnerTool, Stage};
use crate::domain::part::{Part, PartFacts, PartKind};
use crate::domain::text::Text;

fn target() -> WorkloadRef {
    canary().0.target
}

/// Whether an application lists the canary.
#[derive(Clone, Copy)]
enum Lists {
    It,
    Others,
}

fn application(place: (&str, &str, &str), lists: Lists, elsewhere: Option<&str>) -> Arc<Part> {
    let WorkloadRef { kind, namespace, name, .. } = target();
    let managed = Managed { kind, namespace, name };
    let facts = Application {
        manages: match lists {
            Lists::It => Arc::from([managed]),
            Lists::Others => Arc::default(),
        },
        elsewhere: elsewhere.map(Text::clean),
        stage: Some((Text::from("shop"), Text::from("prod"))),
        ..Application::default()
    };
    owner_part(place, PartKind::Application, PartFacts::Application(Box::new(facts)))
}

fn owners(parts: &[Arc<Part>]) -> Owners {
    let mut owners = Owners::default();
    for part in parts {
        owners.put(&part.target, Some(Arc::clone(part)));
    }
    owners
}

fn signed(tool: OwnerTool, name: &str) -> Owner {
    Owner::signed(tool, Text::clean(name))
}

/// The cluster and namespace of the owner's object, or why there is none.
fn found(owners: &Owners, signed: Option<&Owner>) -> Result<String, String> {
    match owners.resolve(&target(), signed).map(|owner| owner.state) {
        Some(OwnerState::Known(object)) => {
            let of = &object.part.target;
            Ok(format!("{}/{}/{}", of.cluster, of.namespace, of.name))
        }
        Some(OwnerState::Unknown(why)) => Err(why.to_string()),
        Some(OwnerState::Unasked) => Err("unasked".to_owned()),
        None => Err("nobody".to_owned()),
    }
}

#[test]
fn a_tracked_release_finds_its_application_by_name_and_by_what_it_lists() {
    let orders = signed(OwnerTool::ArgoCd, "orders");
    let place = ("east", "argocd", "orders");
    let one = owners(&[application(place, Lists::Others, None)]);
    assert_eq!(found(&one, Some(&orders)).as_deref(), Ok("east/argocd/orders"));
    let two = owners(&[
        application(("east", "a", "orders"), Lists::Others, None),
        application(("east", "b", "orders"), Lists::It, None),
    ]);
    assert_eq!(found(&two, Some(&orders)).as_deref(), Ok("east/b/orders"));
    let team = signed(OwnerTool::ArgoCd, "a_orders");
    assert_eq!(found(&two, Some(&team)).as_deref(), Ok("east/a/orders"));
}

#[test]
fn an_application_on_another_cluster_counts_only_if_it_alone_lists_the_release() {
    let orders = signed(OwnerTool::ArgoCd, "orders");
    let server = Some("https://east.example");
    let hub = application(("hub", "argocd", "orders"), Lists::It, server);
    assert_eq!(
        found(&owners(&[Arc::clone(&hub)]), Some(&orders)).as_deref(),
        Ok("hub/argocd/orders")
    );
    let other = application(("hub2", "argocd", "orders"), Lists::It, server);
    assert!(found(&owners(&[hub, other]), Some(&orders)).is_err(), "nobody can tell which");
    let stranger = application(("hub", "argocd", "orders"), Lists::Others, server);
    assert!(found(&owners(&[stranger]), Some(&orders)).is_err());
    // The same name on a hub, for the hub's own objects.
    let own = application(("hub", "argocd", "orders"), Lists::It, None);
    let why = found(&owners(&[own]), Some(&orders)).unwrap_err();
    assert_eq!(why, "no Application orders in east");
}

#[test]
fn a_release_without_signs_belongs_to_the_application_that_lists_it_in_its_own_cluster() {
    let place = ("east", "argocd", "orders");
    let mut all = owners(&[application(place, Lists::It, None)]);
    assert_eq!(found(&all, None).as_deref(), Ok("east/argocd/orders"));
    let helm = signed(OwnerTool::Helm, "shop/orders");
    let owner = all.resolve(&target(), Some(&helm)).unwrap();
    assert_eq!(owner.tool, OwnerTool::ArgoCd, "what Argo CD renders may look like Helm's");
    // An application for another cluster lists objects of that one.
    all.put(
        &application(place, Lists::It, None).target,
        Some(application(place, Lists::It, Some("https://west.example"))),
    );
    assert_eq!(found(&all, None).unwrap_err(), "nobody");
    assert_eq!(found(&all, Some(&helm)).unwrap_err(), "unasked");
    all.put(&application(place, Lists::It, None).target, Some(application(place, Lists::It, None)));
    all.put(&application(place, Lists::It, None).target, None);
    assert_eq!(found(&all, None).unwrap_err(), "nobody");
    assert!(all.is_empty());
}

#[test]
fn what_cannot_be_read_is_unknown_and_what_is_not_followed_any_more_is_old() {
    let orders = signed(OwnerTool::ArgoCd, "orders");
    let east = ClusterName::new("east");
    let key = || (east.clone(), PartKind::Application);
    let denied = Trouble::Forbidden(Box::new(Permission {
        verb: Text::from("list"),
        resource: Text::from("applications"),
        namespace: None,
    }));
    let mut all = Owners::default();
    all.read(key(), Err(denied), at(5));
    let why = found(&all, Some(&orders)).unwrap_err();
    assert_eq!(why, "no permission to list applications in all namespaces");
    let part = application(("east", "argocd", "orders"), Lists::Others, None);
    all.put(&part.target, Some(Arc::clone(&part)));
    let stale = |all: &Owners| {
        let owner = all.resolve(&target(), Some(&orders)).unwrap();
        owner.object().unwrap().stale.clone()
    };
    assert_eq!(stale(&all), None, "read in the one namespace that may be read");
    all.read(key(), Err(Trouble::NotConfigured), at(7));
    assert_eq!(stale(&all), Some((at(7), Text::from("not configured"))));
    all.read(key(), Ok(()), at(9));
    assert_eq!(stale(&all), None);
}

#[test]
fn what_belongs_to_an_owner_is_joined_with_it() {
    let stage = owner_part(
        ("east", "shop", "prod"),
        PartKind::Stage,
        PartFacts::Stage(Box::<Stage>::default()),
    );
    let all = owners(&[application(("east", "argocd", "orders"), Lists::It, None), stage]);
    let owner = all.resolve(&target(), None).unwrap();
    assert_eq!(owner.object().unwrap().stage.as_ref().unwrap().target.name, Name::new("prod"));
    let flux =
        Flux { repository: Some((Namespace::new("flux"), Name::new("shop"))), ..Flux::default() };
    let kustomization = owner_part(
        ("east", "flux", "orders"),
        PartKind::Kustomization,
        PartFacts::Flux(Box::new(flux)),
    );
    let repository = owner_part(
        ("east", "flux", "shop"),
        PartKind::GitRepository,
        PartFacts::Repository(Box::default()),
    );
    let all = owners(&[kustomization, repository]);
    let owner = all.resolve(&target(), Some(&signed(OwnerTool::FluxKustomization, "flux/orders")));
    let owner = owner.unwrap();
    assert!(owner.object().unwrap().repository.is_some());
}
