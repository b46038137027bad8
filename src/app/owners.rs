//! Who decides over releases. Here the owners of all clusters meet what they manage: an Application may live on another
//! cluster than its objects. What is not known is told as unknown, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::feed::Trouble;
use crate::domain::ids::{ClusterName, Name, Namespace, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::owner::{Application, Owner, OwnerObject, OwnerState, OwnerTool};
use crate::domain::part::{Part, PartKind, PartRef};
use crate::domain::text::Text;

/// The owners of all clusters.
#[derive(Debug, Default)]
pub struct Owners {
    parts: BTreeMap<PartRef, Arc<Part>>,
    /// By kind and name, of whatever cluster and namespace.
    names: BTreeMap<(PartKind, Name), BTreeSet<PartRef>>,
    /// Releases that an Application of the same cluster lists.
    claims: BTreeMap<WorkloadRef, BTreeSet<PartRef>>,
    /// Kinds that cannot be read, since when and why.
    unread: BTreeMap<(ClusterName, PartKind), (Timestamp, Trouble)>,
}

impl Owners {
    /// All objects, by cluster and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Part>> {
        self.parts.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// True when none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What cannot be read, and why.
    pub fn unread(&self) -> impl Iterator<Item = (&ClusterName, PartKind, &Trouble)> {
        self.unread.iter().map(|((cluster, kind), (_, why))| (cluster, *kind, why))
    }

    /// Takes news of one object; `None`: it is gone.
    pub(in crate::app) fn put(&mut self, target: &PartRef, part: Option<Arc<Part>>) {
        self.let_go(target);
        let Some(part) = part else { return };
        let key = (target.kind, target.name.clone());
        self.names.entry(key).or_default().insert(target.clone());
        if let Some(application) = part.facts.application() {
            for claimed in claims(target, application) {
                self.claims.entry(claimed).or_default().insert(target.clone());
            }
        }
        self.parts.insert(target.clone(), part);
    }

    fn let_go(&mut self, target: &PartRef) {
        let Some(part) = self.parts.remove(target) else { return };
        drop_from(&mut self.names, &(target.kind, target.name.clone()), target);
        for claimed in part.facts.application().into_iter().flat_map(|it| claims(target, it)) {
            drop_from(&mut self.claims, &claimed, target);
        }
    }

    /// Takes whether a kind can be read.
    pub(in crate::app) fn read(
        &mut self,
        (cluster, kind): (ClusterName, PartKind),
        answer: Result<(), Trouble>,
        now: Timestamp,
    ) {
        match answer {
            Ok(()) => self.unread.remove(&(cluster, kind)),
            Err(why) => self.unread.insert((cluster, kind), (now, why)),
        };
    }

    /// Who manages this release, from the signs on it and from what the owners say.
    #[must_use]
    pub fn resolve(&self, target: &WorkloadRef, signed: Option<&Owner>) -> Option<Owner> {
        let Some(owner) = signed else { return self.claimant(target) };
        let state = match owner.tool {
            OwnerTool::ArgoCd => self.application_of(target, owner),
            OwnerTool::FluxKustomization => self.flux_of(target, PartKind::Kustomization, owner),
            OwnerTool::FluxHelmRelease => self.flux_of(target, PartKind::HelmRelease, owner),
            // What Argo CD renders may carry the signs of Helm; who lists it writes it.
            OwnerTool::Helm | OwnerTool::Controller => {
                return self.claimant(target).or_else(|| Some(owner.clone()));
            }
        };
        Some(Owner { state, ..owner.clone() })
    }

    /// The Application that lists it, whatever its labels say.
    fn claimant(&self, target: &WorkloadRef) -> Option<Owner> {
        let part = self.claims.get(target)?.iter().find_map(|claim| self.parts.get(claim))?;
        let owner = Owner::signed(OwnerTool::ArgoCd, Text::clean(part.target.name.as_str()));
        Some(Owner { state: self.known(part), ..owner })
    }

    /// `<name>`, or `<namespace>_<name>` outside Argo CD's own namespace.
    fn application_of(&self, target: &WorkloadRef, owner: &Owner) -> OwnerState {
        let (namespace, name) = match owner.name.as_str().split_once('_') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, owner.name.as_str()),
        };
        let named = self.named(PartKind::Application, name).filter(|part| {
            namespace.is_none_or(|namespace| part.target.namespace.as_str() == namespace)
        });
        let found: Vec<(&Arc<Part>, &Application)> =
            named.filter_map(|part| Some((part, part.facts.application()?))).collect();
        let here = |(part, application): &&(&Arc<Part>, &Application)| {
            part.target.cluster == target.cluster && application.elsewhere.is_none()
        };
        let local: Vec<_> = found.iter().filter(here).collect();
        let lists = |application: &Application| {
            application.manages.iter().any(|it| {
                (it.kind, &it.namespace, &it.name) == (target.kind, &target.namespace, &target.name)
            })
        };
        let best = local.iter().find(|(_, application)| lists(application)).or(local.first());
        if let Some((part, _)) = best {
            return self.known(part);
        }
        let remote = found.iter().filter(|(_, it)| it.elsewhere.is_some() && lists(it));
        self.only(remote.map(|(part, _)| *part))
            .unwrap_or_else(|| self.unknown(target, PartKind::Application, owner))
    }

    fn flux_of(&self, target: &WorkloadRef, kind: PartKind, owner: &Owner) -> OwnerState {
        let (namespace, name) = owner.name.as_str().split_once('/').unwrap_or_default();
        let elsewhere = |part: &Part| part.facts.flux().is_some_and(|flux| flux.elsewhere);
        let named: Vec<&Arc<Part>> =
            self.named(kind, name).filter(|it| it.target.namespace.as_str() == namespace).collect();
        let here = |part: &&&Arc<Part>| part.target.cluster == target.cluster && !elsewhere(part);
        if let Some(part) = named.iter().find(here) {
            return self.known(part);
        }
        let remote = named.into_iter().filter(|part| elsewhere(part));
        self.only(remote).unwrap_or_else(|| self.unknown(target, kind, owner))
    }

    /// What may be one of several on other clusters is none of them.
    fn only<'a>(&self, mut parts: impl Iterator<Item = &'a Arc<Part>>) -> Option<OwnerState> {
        let first = parts.next()?;
        parts.next().is_none().then(|| self.known(first))
    }

    fn named(&self, kind: PartKind, name: &str) -> impl Iterator<Item = &Arc<Part>> {
        let found = self.names.get(&(kind, Name::new(name)));
        found.into_iter().flatten().filter_map(|target| self.parts.get(target))
    }

    fn unknown(&self, target: &WorkloadRef, kind: PartKind, owner: &Owner) -> OwnerState {
        let key = (target.cluster.clone(), kind);
        let why = match self.unread.get(&key) {
            Some((_, why)) => format!("{why}"),
            None => format!("no {} {} in {}", kind.name(), owner.name, target.cluster),
        };
        OwnerState::Unknown(Text::clean(&why))
    }

    fn known(&self, part: &Arc<Part>) -> OwnerState {
        let cluster = &part.target.cluster;
        let find = |kind: PartKind, namespace: Namespace, name: Name| {
            let target = PartRef { cluster: cluster.clone(), namespace, kind, name };
            self.parts.get(&target).cloned()
        };
        let stage = part.facts.application().and_then(|application| application.stage.as_ref());
        let stage = stage.and_then(|(project, name)| {
            find(
                PartKind::Stage,
                Namespace::from_text(project.clone()),
                Name::from_text(name.clone()),
            )
        });
        let repository = part.facts.flux().and_then(|flux| flux.repository.clone());
        let repository =
            repository.and_then(|(namespace, name)| find(PartKind::GitRepository, namespace, name));
        // Where only single namespaces may be read, what is known is current.
        let unread = self.unread.get(&(cluster.clone(), part.target.kind));
        let old = unread.filter(|(_, why)| !matches!(why, Trouble::Forbidden(_)));
        let old = old.map(|(since, why)| (*since, Text::clean(&why.to_string())));
        OwnerState::Known(Box::new(OwnerObject {
            part: Arc::clone(part),
            stage,
            repository,
            stale: old,
        }))
    }
}

/// The releases of its own cluster that an Application lists.
fn claims(owner: &PartRef, application: &Application) -> Vec<WorkloadRef> {
    let managed = application.manages.iter().filter(|_| application.elsewhere.is_none());
    managed
        .map(|managed| WorkloadRef {
            cluster: owner.cluster.clone(),
            namespace: managed.namespace.clone(),
            kind: managed.kind,
            name: managed.name.clone(),
        })
        .collect()
}

fn drop_from<K: Ord>(index: &mut BTreeMap<K, BTreeSet<PartRef>>, key: &K, target: &PartRef) {
    if let Some(of_key) = index.get_mut(key) {
        of_key.remove(target);
        if of_key.is_empty() {
            index.remove(key);
        }
    }
}
