# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run a command under wasmtime: liboracle.py FILE DIR ARG...

DIR is what the guest sees as "/", "-" for nothing.  The exit code is the
guest's, 134 after a trap."""
import os
import sys

import wasmtime

config = wasmtime.Config()
engine = wasmtime.Engine(config)
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = [os.path.basename(sys.argv[1])] + sys.argv[3:]
wasi.inherit_stdin()
wasi.inherit_stdout()
wasi.inherit_stderr()
if sys.argv[2] != "-":
    wasi.preopen_dir(sys.argv[2], "/")
store.set_wasi(wasi)
linker = wasmtime.Linker(engine)
linker.define_wasi()
module = wasmtime.Module.from_file(engine, sys.argv[1])
instance = linker.instantiate(store, module)
try:
    instance.exports(store)["_start"](store)
except wasmtime.ExitTrap as e:
    os._exit(e.code)
except wasmtime.WasmtimeError as e:
    print(e, file=sys.stderr)
    os._exit(134)
os._exit(0)
