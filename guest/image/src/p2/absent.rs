//! What is there only to be refused: wasi:sockets; and wasi:clocks/timezone, which knows UTC.
//!
//! No socket can be made, so the methods of sockets can never be called; they are there because a
//! component imports them. They are linked without types, which keeps the image small.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec;

use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType, Val};
use wasmtime::{Result, StoreContextMut, bail};

use crate::machine::State;

/// A network that gives no sockets.
struct Network;
/// A socket, or a stream of datagrams or addresses: there are none.
struct Never;

const TCP: &[&str] = &[
    "start-bind",
    "finish-bind",
    "start-connect",
    "finish-connect",
    "start-listen",
    "finish-listen",
    "accept",
    "local-address",
    "remote-address",
    "is-listening",
    "address-family",
    "set-listen-backlog-size",
    "keep-alive-enabled",
    "set-keep-alive-enabled",
    "keep-alive-idle-time",
    "set-keep-alive-idle-time",
    "keep-alive-interval",
    "set-keep-alive-interval",
    "keep-alive-count",
    "set-keep-alive-count",
    "hop-limit",
    "set-hop-limit",
    "receive-buffer-size",
    "set-receive-buffer-size",
    "send-buffer-size",
    "set-send-buffer-size",
    "subscribe",
    "shutdown",
];
const UDP: &[&str] = &[
    "start-bind",
    "finish-bind",
    "stream",
    "local-address",
    "remote-address",
    "address-family",
    "unicast-hop-limit",
    "set-unicast-hop-limit",
    "receive-buffer-size",
    "set-receive-buffer-size",
    "send-buffer-size",
    "set-send-buffer-size",
    "subscribe",
];
const INCOMING: &[&str] = &["receive", "subscribe"];
const OUTGOING: &[&str] = &["check-send", "send", "subscribe"];
const ADDRESSES: &[&str] = &["resolve-next-address", "subscribe"];

/// Adds the interfaces.
pub fn add(linker: &mut Linker<State>) -> Result<()> {
    let mut network = linker.instance("wasi:sockets/network@0.2.12")?;
    network.resource(
        "network",
        ResourceType::host::<Network>(),
        |mut store, rep| {
            let table = &mut store.data_mut().resources;
            table.delete(Resource::<Network>::new_own(rep))?;
            Ok(())
        },
    )?;
    network.func_new("network-error-code", |store, _, params, results| {
        give_back(store, params)?;
        put(results, Val::Option(None))
    })?;

    linker
        .instance("wasi:sockets/instance-network@0.2.12")?
        .func_wrap(
            "instance-network",
            |mut store: StoreContextMut<'_, State>, ()| {
                Ok((store.data_mut().resources.push(Network)?,))
            },
        )?;

    let mut tcp = linker.instance("wasi:sockets/tcp@0.2.12")?;
    never(&mut tcp, "tcp-socket", TCP)?;
    let mut udp = linker.instance("wasi:sockets/udp@0.2.12")?;
    never(&mut udp, "udp-socket", UDP)?;
    never(&mut udp, "incoming-datagram-stream", INCOMING)?;
    never(&mut udp, "outgoing-datagram-stream", OUTGOING)?;
    let mut lookup = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    never(&mut lookup, "resolve-address-stream", ADDRESSES)?;
    denied(&mut lookup, "resolve-addresses")?;
    let mut create = linker.instance("wasi:sockets/tcp-create-socket@0.2.12")?;
    denied(&mut create, "create-tcp-socket")?;
    let mut create = linker.instance("wasi:sockets/udp-create-socket@0.2.12")?;
    denied(&mut create, "create-udp-socket")?;

    let mut timezone = linker.instance("wasi:clocks/timezone@0.2.12")?;
    timezone.func_new("utc-offset", |_, _, _, results| put(results, Val::S32(0)))?;
    timezone.func_new("display", |_, _, _, results| {
        let fields = vec![
            ("utc-offset".to_string(), Val::S32(0)),
            ("name".to_string(), Val::String("UTC".to_string())),
            ("in-daylight-saving-time".to_string(), Val::Bool(false)),
        ];
        put(results, Val::Record(fields))
    })
}

/// A resource that nobody can hold, and its methods.
fn never(instance: &mut LinkerInstance<'_, State>, name: &str, methods: &[&str]) -> Result<()> {
    instance.resource(name, ResourceType::host::<Never>(), |_, _| Ok(()))?;
    for method in methods {
        let name = alloc::format!("[method]{name}.{method}");
        instance.func_new(&name, |_, _, _, _| bail!("there are no sockets"))?;
    }
    Ok(())
}

/// A function that answers `access-denied`.
fn denied(instance: &mut LinkerInstance<'_, State>, name: &str) -> Result<()> {
    instance.func_new(name, |store, _, params, results| {
        give_back(store, params)?;
        let code = Box::new(Val::Enum("access-denied".to_string()));
        put(results, Val::Result(Err(Some(code))))
    })
}

/// Ends the borrows among the parameters: an untyped call that keeps one traps at its end.
fn give_back(mut store: StoreContextMut<'_, State>, params: &[Val]) -> Result<()> {
    for param in params {
        if let Val::Resource(resource) = param {
            resource.resource_drop(&mut store)?;
        }
    }
    Ok(())
}

/// Sets the only result.
fn put(results: &mut [Val], value: Val) -> Result<()> {
    match results {
        [result] => *result = value,
        _ => bail!("a function with {} results instead of one", results.len()),
    }
    Ok(())
}
