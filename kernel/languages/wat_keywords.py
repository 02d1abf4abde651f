"""The words of the WebAssembly text format that completion offers."""

from __future__ import annotations

from typing import Final

_FORMS = """
module func param result local type import export memory table global elem data start mut offset
item declare shared block loop if then else end br br_if br_table return call call_indirect
return_call return_call_indirect call_ref unreachable nop drop select funcref externref i32 i64 f32
f64 v128 ref null extern any try_table catch catch_all throw throw_ref tag rec struct array field
local.get local.set local.tee global.get global.set memory.size memory.grow memory.fill memory.copy
memory.init data.drop table.get table.set table.size table.grow table.fill table.copy table.init
elem.drop ref.null ref.func ref.is_null
"""
_INTEGER = """
const clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr eqz eq
ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u load load8_s load8_u load16_s load16_u store store8
store16 extend8_s extend16_s
"""
_FLOAT = """
const abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign eq ne lt gt le ge load
store
"""
_CONVERSIONS = """
i32.wrap_i64 i64.extend_i32_s i64.extend_i32_u i64.extend32_s i64.load32_s i64.load32_u i64.store32
i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.trunc_f32_s i64.trunc_f32_u
i64.trunc_f64_s i64.trunc_f64_u i32.trunc_sat_f32_s i32.trunc_sat_f64_s i64.trunc_sat_f64_s
f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f64.convert_i32_s
f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f32.demote_f64 f64.promote_f32
i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64
"""
KEYWORDS: Final = tuple(
    sorted(
        {
            *_FORMS.split(),
            *_CONVERSIONS.split(),
            *(f"{kind}.{word}" for kind in ("i32", "i64") for word in _INTEGER.split()),
            *(f"{kind}.{word}" for kind in ("f32", "f64") for word in _FLOAT.split()),
        }
    )
)
