// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// compile|run FILE.wasm ROOT ARGV...: the CPU time of it goes to stderr.
import { readFileSync, writeSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [what, file, root, ...args] = process.argv.slice(2);
const bytes = readFileSync(file);
let before = process.cpuUsage();
const tell = () => {
	const t = process.cpuUsage(before);
	writeSync(2, `cpu ${(t.user + t.system) / 1e6}\n`);
};

const module = new WebAssembly.Module(bytes);
if (what === 'compile') {
	tell();
} else {
	const wasi = new WASI({ version: 'preview1', args, returnOnExit: true,
		preopens: root === '-' ? {} : { '/': root } });
	const instance = new WebAssembly.Instance(module,
		wasi.getImportObject());
	before = process.cpuUsage();
	const code = wasi.start(instance);
	tell();
	process.exit(code);
}
