/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wasmtime_run.c: compile and run a WASI program with wasmtime's library.
 *
 *	wasmtime_run check
 *	wasmtime_run compile FILE.wasm FILE.cwasm
 *	wasmtime_run run FILE.cwasm ROOT ARGV...	ROOT -: no directory
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmtime_api.h"

static void
check(wt_error *err, wt_trap *trap, const char *what)
{
	struct wt_vec text = { 0 };
	int code;

	if (!err && !trap)
		return;
	if (err && wt.wasmtime_error_exit_status(err, &code))
		exit(code);
	if (err)
		wt.wasmtime_error_message(err, &text);
	else
		wt.wasm_trap_message(trap, &text);
	fprintf(stderr, "wasmtime_run: %s: %.*s\n", what, (int)text.n,
	    (char *)text.data);
	exit(trap ? 134 : 1);
}

static void *
read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long size;

	if (f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0) {
		rewind(f);
		p = malloc((size_t)size + 1);
		*n = p ? fread(p, 1, (size_t)size, f) : 0;
		fclose(f);
	}
	if (!p) {
		fprintf(stderr, "wasmtime_run: %s cannot be read\n", path);
		exit(1);
	}
	return p;
}

static wt_engine *
engine(void)
{
	return wt.wasm_engine_new_with_config(wt.wasm_config_new());
}

static int
compile(const char *wasm, const char *out)
{
	struct wt_vec code;
	wt_module *m;
	size_t n;
	void *p = read_file(wasm, &n);
	FILE *f;

	check(wt.wasmtime_module_new(engine(), p, n, &m), NULL, wasm);
	check(wt.wasmtime_module_serialize(m, &code), NULL, wasm);
	f = fopen(out, "wb");
	if (!f || fwrite(code.data, 1, code.n, f) != code.n || fclose(f) != 0) {
		fprintf(stderr, "wasmtime_run: %s cannot be written\n", out);
		return 1;
	}
	return 0;
}

static wt_wasi *
wasi(int argc, char **argv, const char *root)
{
	wt_wasi *w = wt.wasi_config_new();

	wt.wasi_config_set_argv(w, (size_t)argc, (const char **)argv);
	wt.wasi_config_inherit_stdin(w);
	wt.wasi_config_inherit_stdout(w);
	wt.wasi_config_inherit_stderr(w);
	if (strcmp(root, "-") != 0)
		wt.wasi_config_preopen_dir(w, root, "/", true);
	return w;
}

static int
run(const char *path, const char *root, int argc, char **argv)
{
	wt_engine *e = engine();
	wt_store *store = wt.wasmtime_store_new(e, NULL, NULL);
	wt_context *ctx = wt.wasmtime_store_context(store);
	wt_linker *l = wt.wasmtime_linker_new(e);
	struct wt_instance inst;
	struct wt_extern ext;
	wt_trap *trap = NULL;
	wt_module *m;

	check(wt.wasmtime_module_deserialize_file(e, path, &m), NULL, path);
	check(wt.wasmtime_linker_define_wasi(l), NULL, "WASI");
	check(wt.wasmtime_context_set_wasi(ctx, wasi(argc, argv, root)), NULL,
	    "WASI");
	check(wt.wasmtime_linker_instantiate(l, ctx, m, &inst, &trap), trap,
	    path);
	if (!wt.wasmtime_instance_export_get(ctx, &inst, "_start", 6, &ext)) {
		fprintf(stderr, "wasmtime_run: no _start\n");
		return 1;
	}
	check(wt.wasmtime_func_call(ctx, &ext.of.func, NULL, 0, NULL, 0,
	    &trap), trap, "_start");
	return 0;
}

int
main(int argc, char **argv)
{
	const char *why = wt_load();

	if (why) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "check") == 0)
		return 0;
	if (argc == 4 && strcmp(argv[1], "compile") == 0)
		return compile(argv[2], argv[3]);
	if (argc >= 5 && strcmp(argv[1], "run") == 0)
		return run(argv[2], argv[3], argc - 4, argv + 4);
	fprintf(stderr, "usage: wasmtime_run check | compile FILE.wasm "
	    "FILE.cwasm | run FILE.cwasm ROOT ARGV...\n");
	return 2;
}
