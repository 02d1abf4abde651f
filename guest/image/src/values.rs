//! Typed values on the wire: {type u32, 16 bytes}; references are handles.

use alloc::format;
use alloc::vec::Vec;

use hypercell_abi as abi;
use hypercell_abi::wire::{Reader, Writer};
use wasmtime::{
    AnyRef, AsContext, ExnRef, ExternRef, Func, OwnedRooted, RootScope, Rooted, Store, Val,
};

use crate::failure::Failure;
use crate::machine::State;

/// The store, with a scope for references that live no longer than one command.
pub type Scope<'a> = RootScope<&'a mut Store<State>>;

/// The most handles of one kind.
const HANDLES: usize = 1 << 16;

/// References that the host may name again. A handle is an index + 1; none is ever freed.
#[derive(Default)]
pub struct Handles {
    functions: Vec<Func>,
    internals: Vec<OwnedRooted<AnyRef>>,
    exceptions: Vec<OwnedRooted<ExnRef>>,
}

fn keep<T>(list: &mut Vec<T>, item: T) -> Result<u64, Failure> {
    if list.len() == HANDLES {
        return Err(Failure::Refused(format!(
            "a VM keeps at most {HANDLES} references of a kind"
        )));
    }
    list.push(item);
    Ok(list.len() as u64)
}

fn find<T: Clone>(list: &[T], handle: u64) -> Result<T, Failure> {
    let found = handle
        .checked_sub(1)
        .and_then(|index| list.get(usize::try_from(index).ok()?));
    found
        .cloned()
        .ok_or_else(|| Failure::Error(format!("there is no reference {handle}")))
}

fn failed(error: wasmtime::Error) -> Failure {
    Failure::from_call(error)
}

/// A number of the host as an externref.
fn host_value(store: &mut Scope<'_>, payload: u64) -> Result<Rooted<ExternRef>, Failure> {
    ExternRef::new(store, payload.wrapping_sub(1)).map_err(failed)
}

impl Handles {
    /// Reads a value. A reference is rooted in the innermost scope of the store.
    pub fn decode(&self, store: &mut Scope<'_>, from: &mut Reader<'_>) -> Result<Val, Failure> {
        let kind = from.u32()?;
        let bits = from.u128()?;
        let (low, high) = (bits as u64, (bits >> 64) as u64);
        Ok(match kind {
            abi::VAL_I32 => Val::I32(low as i32),
            abi::VAL_I64 => Val::I64(low as i64),
            abi::VAL_F32 => Val::F32(low as u32),
            abi::VAL_F64 => Val::F64(low),
            abi::VAL_V128 => Val::V128(bits.into()),
            abi::VAL_FUNCREF if bits == 0 => Val::FuncRef(None),
            abi::VAL_EXTERNREF if bits == 0 => Val::ExternRef(None),
            abi::VAL_ANYREF if bits == 0 => Val::AnyRef(None),
            abi::VAL_EXNREF if bits == 0 => Val::ExnRef(None),
            abi::VAL_FUNCREF => Val::FuncRef(Some(find(&self.functions, low)?)),
            abi::VAL_EXTERNREF if high == abi::REF_OPAQUE => {
                Val::ExternRef(Some(host_value(store, low)?))
            }
            abi::VAL_EXTERNREF => {
                let inner = find(&self.internals, low)?.to_rooted(&mut *store);
                Val::ExternRef(Some(ExternRef::convert_any(store, inner).map_err(failed)?))
            }
            abi::VAL_ANYREF if high == abi::REF_HOST => {
                let host = host_value(store, low)?;
                Val::AnyRef(Some(AnyRef::convert_extern(store, host).map_err(failed)?))
            }
            abi::VAL_ANYREF => {
                Val::AnyRef(Some(find(&self.internals, low)?.to_rooted(&mut *store)))
            }
            abi::VAL_EXNREF => {
                Val::ExnRef(Some(find(&self.exceptions, low)?.to_rooted(&mut *store)))
            }
            _ => return Err(Failure::Error(format!("there is no value type {kind:#x}"))),
        })
    }

    /// Writes a value, giving a reference a handle.
    pub fn encode(
        &mut self,
        store: &mut Scope<'_>,
        value: &Val,
        to: &mut Writer,
    ) -> Result<(), Failure> {
        let (kind, bits) = match *value {
            Val::I32(value) => (abi::VAL_I32, u128::from(value as u32)),
            Val::I64(value) => (abi::VAL_I64, u128::from(value as u64)),
            Val::F32(bits) => (abi::VAL_F32, u128::from(bits)),
            Val::F64(bits) => (abi::VAL_F64, u128::from(bits)),
            Val::V128(bits) => (abi::VAL_V128, bits.as_u128()),
            Val::FuncRef(None) => (abi::VAL_FUNCREF, 0),
            Val::FuncRef(Some(function)) => (
                abi::VAL_FUNCREF,
                u128::from(keep(&mut self.functions, function)?),
            ),
            Val::ExternRef(None) => (abi::VAL_EXTERNREF, 0),
            Val::ExternRef(Some(reference)) => {
                let bits = match host_payload(store, reference)? {
                    Some(payload) => u128::from(payload),
                    // A GC object that became an externref: the same handle as an anyref.
                    None => {
                        let inner =
                            AnyRef::convert_extern(&mut *store, reference).map_err(failed)?;
                        self.keep_internal(store, inner)?
                    }
                };
                (abi::VAL_EXTERNREF, bits)
            }
            Val::AnyRef(None) => (abi::VAL_ANYREF, 0),
            Val::AnyRef(Some(reference)) => {
                (abi::VAL_ANYREF, self.keep_internal(store, reference)?)
            }
            Val::ExnRef(None) => (abi::VAL_EXNREF, 0),
            Val::ExnRef(Some(reference)) => {
                let owned = reference.to_owned_rooted(&mut *store).map_err(failed)?;
                (
                    abi::VAL_EXNREF,
                    u128::from(keep(&mut self.exceptions, owned)?),
                )
            }
            Val::ContRef(_) => {
                return Err(Failure::Error(
                    "continuations cannot leave the machine".into(),
                ));
            }
        };
        to.u32(kind).u128(bits);
        Ok(())
    }

    /// An anyref: what it holds in the upper half, a handle (or the host's number + 1) below.
    fn keep_internal(
        &mut self,
        store: &mut Scope<'_>,
        reference: Rooted<AnyRef>,
    ) -> Result<u128, Failure> {
        let host = ExternRef::convert_any(&mut *store, reference).map_err(failed)?;
        if let Some(payload) = host_payload(store, host)? {
            return Ok(u128::from(abi::REF_HOST) << 64 | u128::from(payload));
        }
        let kind = if reference.is_i31(&mut *store).map_err(failed)? {
            abi::REF_I31
        } else if reference.is_struct(&mut *store).map_err(failed)? {
            abi::REF_STRUCT
        } else if reference.is_array(&mut *store).map_err(failed)? {
            abi::REF_ARRAY
        } else {
            abi::REF_OPAQUE
        };
        let owned = reference.to_owned_rooted(&mut *store).map_err(failed)?;
        let handle = keep(&mut self.internals, owned)?;
        Ok(u128::from(kind) << 64 | u128::from(handle))
    }
}

/// The host's number + 1, if that is what an externref holds.
fn host_payload(store: &Scope<'_>, reference: Rooted<ExternRef>) -> Result<Option<u64>, Failure> {
    let data = reference.data(store.as_context()).map_err(failed)?;
    Ok(data
        .and_then(|data| data.downcast_ref::<u64>())
        .map(|number| number.wrapping_add(1)))
}
