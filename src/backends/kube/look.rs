//! Looks at the object of a deed that was left behind: by reading it from the server itself.

use super::cluster::Cluster;
use super::fields::{Reading, Words};
use super::meta::Glimpse;
use super::resource::Resource;
use super::wire::{About, Ask};
use crate::control::leftover::{Leftover, Mark, Seen};
use crate::domain::feed::Trouble;

/// The object as it is now; `None`: there is none by that name.
///
/// # Errors
/// Why it cannot be read.
pub async fn look(cluster: &Cluster, left: &Leftover) -> Result<Option<Seen>, Trouble> {
    let target = &left.target;
    let resource = Resource::of(target.kind);
    let about = About::object("get", resource, &target.namespace, &target.name);
    let path = resource.object(&target.namespace, &target.name);
    let ask = Ask::get(path, about).within(cluster.deadline());
    let wire = cluster.link().await?.action().clone();
    let reply = wire.call(&ask).await.map_err(|fault| fault.trouble)?;
    let object = match reply.value(&ask.about) {
        Ok(object) => object,
        Err(Trouble::NotFound(_)) => return Ok(None),
        Err(why) => return Err(why),
    };
    let mut words = Words::default();
    let glimpse = Glimpse::of(&object, &mut Reading::new(&mut words));
    let marks = [glimpse.annotated.as_ref(), glimpse.told.as_ref()];
    let is_ours = marks.into_iter().flatten().any(|mark| mark.as_str() == left.order.as_str());
    let mark = if is_ours { Mark::There } else { Mark::Missing };
    Ok(Some(Seen { uid: glimpse.uid, version: glimpse.version, mark }))
}
