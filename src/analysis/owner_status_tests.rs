//! What owners do about a change, and where the lasting way back is.

use std::sync::Arc;
use std::time::Duration;

use super::owner_status::{Field, ReactionKind, lasting, reaction, title};
use crate::domain::fixtures::{at, canary, owner_part};
use crate::domain::ids::{Name, Namespace};
use crate::domain::owner::{
    Application, Automation, Deployed, Flux, Ignored, IgnoredField, Ignores, Owner, OwnerObject,
    OwnerState, OwnerTool, Repository, Source,
};
use crate::domain::part::{PartFacts, PartKind};
use crate::domain::text::Text;

const NOW: &str = "3f2a91c0aa3f2a91c0aa3f2a91c0aa3f2a91c0aa";
const BEFORE: &str = "1a2b3c4d001a2b3c4d001a2b3c4d001a2b3c4d00";

fn application(change: impl FnOnce(&mut Application)) -> Owner {
    let mut facts = Application {
        automation: Automation::Heals,
        source: Source {
            repo: Text::from("http://git/shop.git"),
            place: Some(Text::from("orders")),
            wanted: Some(Text::from("main")),
            more: 0,
        },
        deployed: Some(Deployed {
            revision: Text::from(NOW),
            before: Some(Text::from(BEFORE)),
            ..Deployed::default()
        }),
        ..Application::default()
    };
    change(&mut facts);
    known(OwnerTool::ArgoCd, PartKind::Application, PartFacts::Application(Box::new(facts)))
}

fn flux(kind: PartKind, change: impl FnOnce(&mut Flux)) -> Owner {
    let mut facts = Flux {
        interval: Some(Duration::from_mins(10)),
        source: Source {
            repo: Text::from("GitRepository flux/shop"),
            place: Some(Text::from("./orders")),
            ..Source::default()
        },
        deployed: Some(Deployed {
            revision: Text::clean(&format!("main@sha1:{NOW}")),
            ..Deployed::default()
        }),
        repository: Some((Namespace::new("flux"), Name::new("shop"))),
        ..Flux::default()
    };
    change(&mut facts);
    known(OwnerTool::FluxKustomization, kind, PartFacts::Flux(Box::new(facts)))
}

fn known(tool: OwnerTool, kind: PartKind, facts: PartFacts) -> Owner {
    let part = owner_part(("east", "owners", "orders"), kind, facts);
    let object = OwnerObject { part, stage: None, repository: None, stale: None };
    let owner = Owner::signed(tool, Text::from("orders"));
    Owner { state: OwnerState::Known(Box::new(object)), ..owner }
}

fn with_object(mut owner: Owner, change: impl FnOnce(&mut OwnerObject)) -> Owner {
    if let OwnerState::Known(object) = &mut owner.state {
        change(object);
    }
    owner
}

/// Tolerated, and not written by a sync either.
fn ignoring(field: IgnoredField) -> Ignores {
    let field = Ignored { kind: Text::from("Rollout"), name: None, namespace: None, field };
    Ignores { fields: [field].into(), by_sync: true }
}

fn pointer(path: &str) -> Ignores {
    ignoring(IgnoredField::Pointer(Text::clean(path)))
}

fn jq(path: &str) -> Ignores {
    ignoring(IgnoredField::Jq(Text::clean(path)))
}

fn told(owner: &Owner) -> (ReactionKind, String) {
    let reaction = reaction(owner, &canary().0.target, Field::Template);
    (reaction.kind, reaction.words.to_string())
}

/// An owner, what it does, and what is said of it.
type Case = (Owner, ReactionKind, &'static str);

fn check(cases: impl IntoIterator<Item = Case>) {
    for (owner, kind, words) in cases {
        let (found, said) = told(&owner);
        assert!(found == kind && said.contains(words), "{found:?} {said:?} lacks {words:?}");
    }
}

#[test]
fn an_application_reacts_as_its_policy_says() {
    use ReactionKind::{AtNextRelease, Never, Soon, Unknown};
    let automation = |automation| application(|it| it.automation = automation);
    let failed = application(|it| it.operation = Some((Text::from("Failed"), None)));
    check([
        (application(|_| ()), Soon, "puts this back in about 1 s"),
        (application(|it| it.heals = 1), Soon, "within 2 s"),
        (
            application(|it| it.heals = 3),
            Soon,
            "within 18 s (it waits longer each time: healed 3 × before)",
        ),
        (application(|it| it.heals = u32::MAX), Soon, "within 300 s"),
        (automation(Automation::Syncs), AtNextRelease, "does not heal itself"),
        (automation(Automation::Off), AtNextRelease, "until somebody syncs it"),
        (automation(Automation::Skipped), Never, "skipped"),
        (failed, Unknown, "its last sync failed"),
    ]);
}

#[test]
fn what_an_application_tolerates_it_lets_stand() {
    use ReactionKind::{AtNextRelease, Never, Soon};
    let ignoring_all = |ignores: Ignores| application(|it| it.ignores = ignores);
    let synced = Ignores { by_sync: false, ..pointer("/spec") };
    let ours = ignoring(IgnoredField::Manager(Text::from("pilothouse")));
    let image = ".spec.template.spec.containers[].image";
    check([
        (ignoring_all(pointer("/spec/template")), Never, "tolerates differences in /spec/template"),
        (ignoring_all(synced), AtNextRelease, "writes it again with its next sync"),
        (ignoring_all(pointer("/spec/templates")), Soon, "heals itself"),
        (ignoring_all(pointer("/spec/template/metadata")), Soon, "in a part of it"),
        (ignoring_all(jq(".spec.template")), Never, ""),
        (ignoring_all(jq(image)), Soon, "a part of it"),
        (ignoring_all(jq(".[] | select(.x)")), Soon, "a part of it"),
        (ignoring_all(ours), Never, ""),
    ]);
}

#[test]
fn an_object_of_flux_reacts_at_its_interval_unless_it_is_held_off() {
    use ReactionKind::{AtInterval, AtNextRelease, Never};
    let (kind, release) = (PartKind::Kustomization, PartKind::HelmRelease);
    let corrects = flux(release, |it| it.drift = Some(Text::from("enabled")));
    check([
        (flux(kind, |_| ()), AtInterval, "within 10m"),
        (flux(kind, |it| it.suspend = true), Never, "suspended"),
        (flux(kind, |it| it.ignores = pointer("/spec/template")), Never, "/spec/template alone"),
        (flux(release, |_| ()), AtNextRelease, "corrects no drift"),
        (corrects, AtInterval, "within 10m"),
    ]);
}

#[test]
fn what_is_old_deleted_spared_or_unknown_is_said_to_be() {
    let old = with_object(application(|_| ()), |object| {
        object.stale = Some((at(0), Text::from("no answer within 30 s")));
    });
    let (_, words) = told(&old);
    assert!(words.contains("as it was last known (no answer within 30 s)"), "{words}");
    let deleted = with_object(application(|_| ()), |object| {
        Arc::make_mut(&mut object.part).meta.deleting = Some(at(0));
    });
    assert_eq!(told(&deleted), (ReactionKind::Unknown, "is being deleted".to_owned()));
    let spared =
        Owner { spared: Some(Text::from("x: disabled")), ..flux(PartKind::Kustomization, |_| ()) };
    assert_eq!(told(&spared).0, ReactionKind::Never);
    let unread = Owner {
        state: OwnerState::Unknown(Text::from("no permission to list applications")),
        ..application(|_| ())
    };
    let (kind, words) = told(&unread);
    assert_eq!(kind, ReactionKind::Unknown);
    assert!(words.ends_with("(no permission to list applications)"), "{words}");
    assert_eq!(lasting(&unread), None);
}

#[test]
fn the_lasting_way_back_names_commit_repository_path_and_what_holds_the_owner_off() {
    let words = |owner: &Owner| lasting(owner).map(|lasting| lasting.words.to_string());
    assert_eq!(
        words(&application(|_| ())).as_deref(),
        Some(
            "git revert 1a2b3c4d..3f2a91c0 in http://git/shop.git path orders on main, or turn \
             self-heal off in application owners/orders"
        )
    );
    let first = application(|it| {
        it.automation = Automation::Syncs;
        it.deployed.as_mut().unwrap().before = None;
    });
    assert_eq!(
        words(&first).as_deref(),
        Some("revert commit 3f2a91c0 in http://git/shop.git path orders on main")
    );
    let chart = application(|it| {
        it.automation = Automation::Off;
        it.deployed = Some(Deployed {
            revision: Text::from("1.4.0"),
            before: Some(Text::from("1.3.9")),
            ..Deployed::default()
        });
    });
    assert!(words(&chart).unwrap().starts_with("go back from version 1.4.0 to 1.3.9"));
    let driven = application(|it| it.stage = Some((Text::from("shop"), Text::from("prod"))));
    assert!(
        words(&driven).unwrap().starts_with("promote older Freight to Kargo's stage shop/prod")
    );
    let repository = Repository {
        url: Text::from("ssh://git@git/shop"),
        wanted: Some(Text::from("main")),
        ..Repository::default()
    };
    let facts = PartFacts::Repository(Box::new(repository));
    let found = owner_part(("east", "flux", "shop"), PartKind::GitRepository, facts);
    let kustomization = with_object(flux(PartKind::Kustomization, |_| ()), |object| {
        object.repository = Some(found);
    });
    assert_eq!(
        words(&kustomization).as_deref(),
        Some(
            "revert commit 3f2a91c0 in ssh://git@git/shop path ./orders on main, or suspend \
             Kustomization owners/orders"
        )
    );
    let helm = Owner::signed(OwnerTool::Helm, Text::from("shop/orders"));
    assert_eq!(words(&helm).as_deref(), Some("helm rollback orders -n shop"));
}

#[test]
fn an_owner_is_called_by_where_it_lives() {
    assert_eq!(title(&application(|_| ())), "Argo CD application owners/orders");
    let signed = Owner::signed(OwnerTool::ArgoCd, Text::from("team_orders"));
    assert_eq!(title(&signed), "Argo CD application team_orders");
}
