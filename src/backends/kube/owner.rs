//! Who else manages an object and would undo what we do, as far as its own labels and annotations say
//! (`reference/rollouts.md` §4.1). Nothing found is "unknown", not "unmanaged".

use serde_json::Value;

use super::fields::Reading;
use super::meta::Metadata;
use crate::domain::owner::{Owner, OwnerTool};
use crate::domain::text::Text;

/// Reads the owner of an object.
pub(super) fn owner(object: &Value, reading: &mut Reading<'_>) -> Option<Owner> {
    let metadata = Metadata::of(object);
    let (tool, name) = argo_cd(object, &metadata)
        .map(|name| (OwnerTool::ArgoCd, name))
        .or_else(|| {
            let name = flux(&metadata, "helm.toolkit.fluxcd.io")?;
            Some((OwnerTool::FluxHelmRelease, name))
        })
        .or_else(|| {
            let name = flux(&metadata, "kustomize.toolkit.fluxcd.io")?;
            Some((OwnerTool::FluxKustomization, name))
        })
        .or_else(|| helm(&metadata).map(|name| (OwnerTool::Helm, name)))
        .or_else(|| controller(&metadata).map(|name| (OwnerTool::Controller, name)))?;
    let spared = spared(tool, &metadata, reading);
    let owner = Owner::signed(tool, reading.shared(&name));
    Some(Owner { spared, ..owner })
}

/// `<app>:<group>/<kind>:<namespace>/<name>`; one that names another object was copied and says nothing.
fn argo_cd(object: &Value, metadata: &Metadata<'_>) -> Option<String> {
    let tracking = metadata.annotations.word("argocd.argoproj.io/tracking-id")?;
    let (rest, place) = tracking.rsplit_once(':')?;
    let (app, group_kind) = rest.rsplit_once(':')?;
    let (_, kind) = group_kind.rsplit_once('/')?;
    let (namespace, name) = place.split_once('/')?;
    let field = |path: &str| object.pointer(path).and_then(Value::as_str);
    // Lists leave the kind out of their items.
    let same = field("/kind").is_none_or(|own| own == kind)
        && field("/metadata/name") == Some(name)
        && field("/metadata/namespace") == Some(namespace);
    (same && !app.is_empty()).then(|| app.to_owned())
}

/// Annotations by which Flux leaves a single object as it is, with the values that do.
const SPARED: [(OwnerTool, &str, &[&str]); 3] = [
    (OwnerTool::FluxKustomization, "kustomize.toolkit.fluxcd.io/reconcile", &["disabled"]),
    (OwnerTool::FluxKustomization, "kustomize.toolkit.fluxcd.io/ssa", &["Ignore", "IfNotPresent"]),
    (OwnerTool::FluxHelmRelease, "helm.toolkit.fluxcd.io/driftDetection", &["disabled"]),
];

fn spared(tool: OwnerTool, metadata: &Metadata<'_>, reading: &mut Reading<'_>) -> Option<Text> {
    let (key, value) =
        SPARED.into_iter().filter(|(of, ..)| *of == tool).find_map(|(_, key, values)| {
            let value = metadata.annotations.word(key)?;
            values.iter().any(|it| it.eq_ignore_ascii_case(value)).then_some((key, value))
        })?;
    Some(reading.shared(&format!("{key}: {value}")))
}

fn flux(metadata: &Metadata<'_>, group: &str) -> Option<String> {
    let name = metadata.labels.word(&format!("{group}/name"))?;
    let namespace = metadata.labels.word(&format!("{group}/namespace"))?;
    Some(format!("{namespace}/{name}"))
}

fn helm(metadata: &Metadata<'_>) -> Option<String> {
    if metadata.labels.word("app.kubernetes.io/managed-by") != Some("Helm") {
        return None;
    }
    let name = metadata.annotations.word("meta.helm.sh/release-name")?;
    match metadata.annotations.word("meta.helm.sh/release-namespace") {
        Some(namespace) => Some(format!("{namespace}/{name}")),
        None => Some(name.to_owned()),
    }
}

fn controller(metadata: &Metadata<'_>) -> Option<String> {
    let owner = metadata
        .owners()
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    Some(format!("{}/{}", owner.get("kind")?.as_str()?, owner.get("name")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Words;
    use super::*;

    fn of(metadata: &Value) -> Option<(OwnerTool, String)> {
        let object = json!({ "kind": "Rollout", "metadata": metadata });
        let mut words = Words::default();
        let owner = owner(&object, &mut Reading::new(&mut words))?;
        Some((owner.tool, owner.name.as_str().to_owned()))
    }

    #[test]
    fn each_tool_is_known_by_its_own_sign() {
        let flux = |group: &str| json!({ "labels": { format!("{group}/name"): "shop", format!("{group}/namespace"): "flux" } });
        let here = |id: &str| {
            json!({ "name": "web", "namespace": "shop",
                "annotations": { "argocd.argoproj.io/tracking-id": id } })
        };
        for (metadata, want) in [
            (here("orders:argoproj.io/Rollout:shop/web"), Some((OwnerTool::ArgoCd, "orders"))),
            (
                here("team_orders:argoproj.io/Rollout:shop/web"),
                Some((OwnerTool::ArgoCd, "team_orders")),
            ),
            (here("orders:argoproj.io/Rollout:shop/other"), None),
            (here("orders:apps/Deployment:shop/web"), None),
            (here("rubbish"), None),
            (
                flux("kustomize.toolkit.fluxcd.io"),
                Some((OwnerTool::FluxKustomization, "flux/shop")),
            ),
            (flux("helm.toolkit.fluxcd.io"), Some((OwnerTool::FluxHelmRelease, "flux/shop"))),
            (
                json!({ "labels": { "app.kubernetes.io/managed-by": "Helm" },
                    "annotations": { "meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n" } }),
                Some((OwnerTool::Helm, "n/r")),
            ),
            (json!({ "labels": { "app.kubernetes.io/instance": "r" } }), None),
            (
                json!({ "ownerReferences": [{ "controller": true, "kind": "App", "name": "a", "uid": "u" }] }),
                Some((OwnerTool::Controller, "App/a")),
            ),
            (json!({ "ownerReferences": [{ "kind": "App", "name": "a", "uid": "u" }] }), None),
            (json!({ "labels": 5, "annotations": [], "ownerReferences": "x" }), None),
            (json!(null), None),
        ] {
            let got = of(&metadata);
            let got = got.as_ref().map(|(tool, name)| (*tool, name.as_str()));
            assert_eq!(got, want, "{metadata}");
        }
    }
}
