/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * fuzz_decode.c: any bytes through the decoder and the name section.
 *
 * After decoding every slice must lie inside the input, and every instruction
 * that can be read must keep the reader inside it.
 */
#include <setjmp.h>
#include <stdlib.h>

#include "compile.h"
#include "insn.h"

static void
check_slice(const struct module *m, struct slice s)
{
	if (s.n && (s.p < m->file.p || s.n > m->file.n ||
	    s.p > m->file.p + (m->file.n - s.n)))
		abort();
}

static void
check_slices(const struct module *m)
{
	for (uint32_t i = 0; i < m->nfuncs; i++) {
		check_slice(m, m->funcs[i].body);
		check_slice(m, m->funcs[i].name);
	}
	for (uint32_t i = 0; i < m->ndatas; i++)
		check_slice(m, m->datas[i].bytes);
	for (uint32_t i = 0; i < m->nexports; i++)
		check_slice(m, m->exports[i].name);
	for (uint32_t i = 0; i < m->nimports; i++)
		check_slice(m, m->imports[i].name);
	for (uint32_t i = 0; i < m->ncustoms; i++)
		check_slice(m, m->customs[i].bytes);
}

/* Instructions of a body, without a thought to what they mean. */
static void
read_body(struct compile *c, const struct func *f)
{
	const struct local_run *runs;
	struct reader r = rd_open(c, f->body);
	struct insn in;

	locals_read(&r, 0, &runs);
	while (!rd_end(&r))
		insn_read(&r, &in);
	if (r.p != r.end)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *bad;
	struct wasmc_error err;
	struct compile c;

	compile_open(&c, NULL, &err);
	features_parse("all", &c.module.features, &bad);
	if (!setjmp(c.fail)) {
		decode_module(&c, p, n);
		names_read(&c);
		check_slices(&c.module);
		for (uint32_t i = c.module.nfuncs_imported;
		    i < c.module.nfuncs; i++)
			read_body(&c, &c.module.funcs[i]);
	}
	compile_close(&c);
	return 0;
}
