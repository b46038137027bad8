//! A network of our own between the program and the cluster, which can fall silent as real ones do: connections stay
//! open, new ones are taken by the system, and nothing comes or goes. Only who uses this address is cut off.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::config::{Kubeconfig, NamedContext};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Until when nothing goes through.
type Silence = Option<Instant>;

pub(crate) struct Wire {
    address: SocketAddr,
    silence: watch::Sender<Silence>,
}

impl Wire {
    /// Leads to this address.
    pub(crate) async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (silence, open) = watch::channel(None);
        tokio::spawn(serve(listener, target, open));
        Self { address, silence }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing goes through for so long.
    pub(crate) fn freeze(&self, time: Duration) -> Instant {
        let now = Instant::now();
        self.silence.send_replace(Some(now + time));
        now
    }
}

async fn serve(listener: TcpListener, target: String, silence: watch::Receiver<Silence>) {
    loop {
        over(&silence).await;
        let Ok((here, _)) = listener.accept().await else { return };
        let (target, silence) = (target.clone(), silence.clone());
        tokio::spawn(async move {
            over(&silence).await;
            let Ok(there) = TcpStream::connect(target).await else { return };
            let ((near_out, near_in), (far_out, far_in)) = (here.into_split(), there.into_split());
            tokio::select! {
                () = carry(near_out, far_in, silence.clone()) => {}
                () = carry(far_out, near_in, silence) => {}
            }
        });
    }
}

/// Waits for the end of the silence.
async fn over(silence: &watch::Receiver<Silence>) {
    let until = *silence.borrow();
    if let Some(until) = until {
        tokio::time::sleep_until(until.into()).await;
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut silence: watch::Receiver<Silence>,
) {
    let mut bytes = vec![0; 16_384];
    loop {
        over(&silence).await;
        // What was read when the silence begins is held back until its end.
        let count = tokio::select! {
            biased;
            Ok(()) = silence.changed() => continue,
            count = from.read(&mut bytes) => count.unwrap_or(0),
        };
        over(&silence).await;
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// The host and port of a context's server.
pub(crate) fn server_of(context: &str) -> String {
    let kubeconfig = Kubeconfig::read().unwrap();
    let uri: http::Uri = server(&kubeconfig, context).parse().unwrap();
    format!("{}:{}", uri.host().unwrap(), uri.port_u16().unwrap_or(443))
}

fn server(kubeconfig: &Kubeconfig, context: &str) -> String {
    let named = kubeconfig.contexts.iter().find(|one| one.name == context).unwrap();
    let cluster = &named.context.as_ref().unwrap().cluster;
    let named = kubeconfig.clusters.iter().find(|one| one.name == *cluster).unwrap();
    named.cluster.as_ref().unwrap().server.clone().unwrap()
}

/// A kubeconfig in which these names are the same context, reached at other addresses.
pub(crate) fn kubeconfig(folder: &Path, context: &str, ways: &[(&str, SocketAddr)]) -> PathBuf {
    let mut all = Kubeconfig::read().unwrap();
    let uri: http::Uri = server(&all, context).parse().unwrap();
    let original = all.contexts.iter().find(|one| one.name == context).unwrap().clone();
    let cluster_name = original.context.as_ref().unwrap().cluster.clone();
    let cluster = all.clusters.iter().find(|one| one.name == cluster_name).unwrap().clone();
    for (name, address) in ways {
        let mut other = cluster.clone();
        (*name).clone_into(&mut other.name);
        let inner = other.cluster.as_mut().unwrap();
        inner.server = Some(format!("https://{address}"));
        let host = uri.host().unwrap().to_owned();
        inner.tls_server_name = inner.tls_server_name.take().or(Some(host));
        all.clusters.push(other);
        let mut context = original.context.clone().unwrap();
        (*name).clone_into(&mut context.cluster);
        all.contexts.push(NamedContext {
            name: (*name).to_owned(),
            context: Some(context),
            ..original.clone()
        });
    }
    let path = folder.join("kubeconfig");
    std::fs::write(&path, serde_json::to_vec(&all).unwrap()).unwrap();
    path
}
