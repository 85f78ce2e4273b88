/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * tool_snapshot.c: an instance's state, written down and loaded again.
 *
 * An instance of a snapshot answers as one does to which the same calls were
 * made.  What cannot be written down is refused, damaged artifacts are too.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "mirror.h"
#include "snapshot.h"

static int
h(void *data, wrt_instance *caller, wrt_val *v)
{
	v[0].i32 = 4711;
	return WRT_OK;
}

struct world {
	wrt_pool *p;
	wrt_module *m;
	wrt_imports *l;
	char so[64];			/* the last snapshot */
};

static struct world
world(void)
{
	static const uint8_t i32[] = { WRT_I32 };
	const struct wrt_functype t = { 0, 1, NULL, i32 };
	struct wrt_pool_config c = { .max_instances = 20, .max_memories = 3 };
	struct world w = { .m = api_module("clone") };
	struct wrt_error err;

	if (wrt_pool_create(&w.p, &c, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	CHECK_EQ(wrt_imports_create(&w.l), 0);
	CHECK_EQ(wrt_imports_func(w.l, "env", "h", &t, h, NULL), 0);
	snprintf(w.so, sizeof w.so, "build/tests/snap-%d.so", (int)getpid());
	return w;
}

static void
end(struct world *w)
{
	unlink(w->so);
	wrt_module_close(w->m);
	wrt_imports_destroy(w->l);
	wrt_pool_destroy(w->p);
}

static void
take(struct world *w, wrt_instance *i, const struct snapshot_how *how)
{
	struct wrt_error err;

	if (!snapshot_write(i, NULL, how, &err))
		test_end('F', "%s", err.text);
}

static wrt_module *
loaded(struct world *w)
{
	struct wrt_error err;
	wrt_module *m;

	if (wrt_module_open(&m, w->so, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return m;
}

static int32_t
ask(wrt_instance *i, const char *name, size_t n, int32_t a, int32_t b)
{
	int32_t x = -1;

	CHECK_EQ(api_call(i, name, n, a, b, 0, &x), 0);
	return x;
}

static void
refuses(wrt_instance *i, wrt_wasi *wasi, const char *so, const char *why)
{
	struct snapshot_how how = { .out = so };
	struct wrt_error err = { .text = "" };

	unlink(so);
	CHECK(!snapshot_write(i, wasi, &how, &err));
	CHECK_HAS(err.text, why);
	CHECK(access(so, F_OK) != 0);
}

static uint8_t *
bytes_of(const char *path, size_t *n)
{
	return api_read(path, n);
}

/* ---- What it holds -------------------------------------------------------- */

TEST(state_is_there)
{
	struct world w = world();
	struct snapshot_how how = { .out = w.so, .ran = "warm" };
	wrt_instance *s = api_instance(w.p, w.m, w.l), *i;
	wrt_module *m;
	struct stat st;

	CHECK_EQ(api_call(s, "warm", 0, 0, 0, 0, NULL), 0);
	CHECK_EQ(api_call(s, "st0", 2, 0, 11, 0, NULL), 0);
	CHECK_EQ(ask(s, "gr1", 1, 3, 0), 2);
	CHECK_EQ(api_call(s, "st1", 2, 5 * 65536 - 4, 33, 0, NULL), 0);
	CHECK_EQ(ask(s, "gr2", 1, 2, 0), 1);
	CHECK_EQ(api_call(s, "st2", 2, 3 * 65536 - 4, 44, 0, NULL), 0);
	CHECK_EQ(ask(s, "tgrow", 1, 90, 0), 6);
	CHECK_EQ(api_call(s, "tinit", 3, 10, 0, 3, NULL), 0);
	CHECK_EQ(api_call(s, "tnull", 1, 50, 0, 0, NULL), 0);
	CHECK_EQ(ask(s, "lgrow", 1, 4, 0), 3);
	CHECK_EQ(api_call(s, "lset", 2, 6, 1, 0, NULL), 0);
	CHECK_EQ(api_call(s, "nset", 1, 0, 0, 0, NULL), 0);
	CHECK_EQ(ask(s, "ngrow", 1, 1, 0), 2);
	CHECK_EQ(api_call(s, "edrop", 0, 0, 0, 0, NULL), 0);
	take(&w, s, &how);
	m = loaded(&w);
	i = api_instance(w.p, m, w.l);
	/* The start function, which adds one, has not run once more. */
	CHECK_EQ(ask(i, "tcall", 1, 2, 0), 1009);
	CHECK_EQ(ask(i, "tcall", 1, 1, 0), 12);
	CHECK_EQ(ask(i, "tcall", 1, 10, 0), 4711);
	CHECK_EQ(api_call(i, "tcall", 1, 50, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(api_call(i, "tcall", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(ask(i, "tcall", 1, 95, 0), 1009);
	CHECK_EQ(ask(i, "lcall", 1, 6, 0), 12);
	CHECK_EQ(ask(i, "ncall", 1, 0, 0), 1009);
	CHECK_EQ(ask(i, "ncall", 1, 1, 0), 12);
	CHECK_EQ(ask(i, "ncall", 1, 2, 0), 1009);
	CHECK_EQ(ask(i, "callr", 0, 0, 0), 1009);
	CHECK_EQ(ask(i, "sizes", 0, 0, 0), 1 + 5000 + 3000000);
	CHECK_EQ(ask(i, "ld0", 1, 4096, 0), 77);
	CHECK_EQ(ask(i, "ld0", 1, 100, 0), 0x6c6c6568);
	CHECK_EQ(ask(i, "ld1", 1, 131000, 0), 0x72656874);
	CHECK_EQ(ask(i, "ld1", 1, 5 * 65536 - 4, 0), 33);
	CHECK_EQ(ask(i, "ld2", 1, 3 * 65536 - 4, 0), 44);
	CHECK_EQ(ask(i, "getg", 0, 0, 0), ask(s, "getg", 0, 0, 0));
	CHECK_EQ(api_call(i, "tinit", 3, 0, 0, 1, NULL), WRT_ETRAP);
	CHECK_EQ(api_call(i, "minit", 3, 8, 0, 13, NULL), 0);
	CHECK_EQ(ask(i, "ld0", 1, 8, 0), 0x73736170);
	CHECK_EQ(api_call(i, "uinit", 3, 8, 0, 12, NULL), 0);
	CHECK_EQ(ask(i, "ld0", 1, 8, 0), 0x65726f6d);
	/* A reset goes back to the snapshot. */
	CHECK_EQ(ask(i, "gr1", 1, 1, 0), 5);
	CHECK_EQ(wrt_instance_reset(i, NULL), 0);
	CHECK_EQ(ask(i, "sizes", 0, 0, 0), 1 + 5000 + 3000000);
	CHECK_EQ(ask(i, "tcall", 1, 2, 0), 1009);
	CHECK_EQ(ask(i, "ld0", 1, 8, 0), 0);
	/* Few of the memories' 144 pages hold anything. */
	CHECK_EQ(stat(w.so, &st), 0);
	CHECK(st.st_size < 80000);
	wrt_instance_close(s);
	wrt_instance_close(i);
	wrt_module_close(m);
	end(&w);
}

TEST(exports_are_hidden)
{
	struct world w = world();
	const char *const hide[] = { "warm", "nothing", "a" };
	struct snapshot_how how = { .out = w.so, .hide = hide, .nhide = 3 };
	wrt_instance *s = api_instance(w.p, w.m, w.l), *i;
	wrt_module *m;
	wrt_memory *mem;

	take(&w, s, &how);
	m = loaded(&w);
	i = api_instance(w.p, m, w.l);
	CHECK_EQ(wrt_module_nexports(m), wrt_module_nexports(w.m) - 1);
	CHECK_EQ(api_call(i, "warm", 0, 0, 0, 0, NULL), WRT_ENOTFOUND);
	CHECK_EQ(ask(i, "ld0", 1, 4096, 0), 77);
	CHECK_EQ(wrt_instance_memory(i, "a", 1, &mem), 0);
	wrt_instance_close(i);
	wrt_instance_close(s);
	wrt_module_close(m);
	end(&w);
}

TEST(same_state_same_bytes)
{
	struct world w = world();
	struct snapshot_how how = { .out = w.so };
	wrt_instance *s = api_instance(w.p, w.m, w.l), *t;
	size_t n, k;
	uint8_t *p, *q;

	take(&w, s, &how);
	p = bytes_of(w.so, &n);
	wrt_instance_close(s);
	t = api_instance(w.p, w.m, w.l);
	take(&w, t, &how);
	q = bytes_of(w.so, &k);
	CHECK(n == k && memcmp(p, q, n) == 0);
	free(q);
	free(p);
	wrt_instance_close(t);
	end(&w);
}

/* Places in code are the same: a trap is told in the same words. */
static void
trap_of(wrt_instance *i, struct wrt_frame *f)
{
	struct wrt_trap t;

	CHECK_EQ(api_call(i, "tcall", 1, 0, 0, 0, NULL), WRT_ETRAP);
	CHECK_EQ(wrt_trap_get(i, &t), 0);
	CHECK(t.nframes > 0);
	*f = t.frames[0];
}

TEST(places_stay)
{
	struct world w = world();
	struct snapshot_how how = { .out = w.so };
	wrt_instance *s = api_instance(w.p, w.m, w.l), *i;
	struct wrt_frame a, b;
	wrt_module *m;

	take(&w, s, &how);
	m = loaded(&w);
	i = api_instance(w.p, m, w.l);
	trap_of(s, &a);
	trap_of(i, &b);
	CHECK(a.wasm_off != UINT32_MAX);
	CHECK_EQ(a.wasm_off, b.wasm_off);
	CHECK_EQ(a.func_idx, b.func_idx);
	wrt_instance_close(i);
	wrt_instance_close(s);
	wrt_module_close(m);
	end(&w);
}

/* Snapshots of snapshots, each after random calls; a twin has had the same
 * calls in one life. */
TEST(random_generations)
{
	struct world w = world();
	struct snapshot_how how = { .out = w.so };
	struct mirrored *a = calloc(1, sizeof *a);
	wrt_module *m = NULL, *next;
	struct stat st;
	off_t first = 0;

	CHECK(a);
	a->i = api_instance(w.p, w.m, w.l);
	a->twin = api_instance(w.p, w.m, w.l);
	for (int round = 0; round < 25; round++) {
		for (int k = 0; k < 60; k++)
			random_call(a);
		take(&w, a->i, &how);
		next = loaded(&w);
		wrt_instance_close(a->i);
		wrt_module_close(m);
		m = next;
		a->i = api_instance(w.p, m, w.l);
		same_memories(a->i, a->twin);
	}
	for (int k = 0; k < 300; k++)
		random_call(a);
	wrt_instance_close(a->i);
	/* No generation leaves anything behind. */
	CHECK_EQ(stat(w.so, &st), 0);
	a->i = api_instance(w.p, m, w.l);
	for (int round = 0; round < 4; round++) {
		take(&w, a->i, &how);
		CHECK_EQ(stat(w.so, &st), 0);
		first = first ? first : st.st_size;
		CHECK_EQ(st.st_size, first);
		next = loaded(&w);
		wrt_instance_close(a->i);
		wrt_module_close(m);
		m = next;
		a->i = api_instance(w.p, m, w.l);
	}
	wrt_instance_close(a->i);
	wrt_instance_close(a->twin);
	wrt_module_close(m);
	free(a);
	end(&w);
}

/* A clone of a snapshot, a snapshot of a clone. */
TEST(of_a_clone)
{
	struct world w = world();
	struct snapshot_how how = { .out = w.so };
	wrt_instance *s = api_instance(w.p, w.m, w.l), *c, *i;
	wrt_module *m;

	CHECK_EQ(api_call(s, "st0", 2, 0, 11, 0, NULL), 0);
	CHECK_EQ(wrt_instance_clone(&c, s, w.p, NULL), 0);
	CHECK_EQ(api_call(c, "st0", 2, 40000, 12, 0, NULL), 0);
	take(&w, c, &how);
	wrt_instance_close(s);
	wrt_instance_close(c);
	m = loaded(&w);
	s = api_instance(w.p, m, w.l);
	CHECK_EQ(wrt_instance_clone(&i, s, w.p, NULL), 0);
	CHECK_EQ(ask(i, "tcall", 1, 1, 0), 12);
	CHECK_EQ(ask(i, "ld0", 1, 40000, 0), 12);
	wrt_instance_close(s);
	wrt_instance_close(i);
	wrt_module_close(m);
	end(&w);
}

/* ---- What cannot be written down ------------------------------------------ */

TEST(refusals)
{
	struct world w = world();
	wrt_instance *s = api_instance(w.p, w.m, w.l);
	wrt_instance *other = api_instance(w.p, w.m, w.l);
	wrt_table *t;
	wrt_global *g;
	wrt_val v = { .ref = &w }, null = { .ref = NULL };
	wrt_func *f;

	CHECK_EQ(wrt_instance_table(s, "x", 1, &t), 0);
	CHECK_EQ(wrt_table_set(t, 1, v), 0);
	refuses(s, NULL, w.so,
	    "entry 1 of table 2 holds a reference of the host's");
	CHECK_EQ(wrt_table_set(t, 1, null), 0);
	CHECK_EQ(wrt_instance_global(s, "e", 1, &g), 0);
	CHECK_EQ(wrt_global_set(g, v), 0);
	refuses(s, NULL, w.so, "global 6 holds a reference of the host's");
	CHECK_EQ(wrt_global_set(g, null), 0);
	CHECK_EQ(wrt_instance_table(s, "t", 1, &t), 0);
	CHECK_EQ(wrt_instance_func(other, "ld0", 3, &f, NULL), 0);
	CHECK_EQ(wrt_table_set(t, 3, (wrt_val){ .func = f }), 0);
	refuses(s, NULL, w.so, "entry 3 of table 0 holds a function of the "
	    "host's or of another instance");
	wrt_instance_close(s);
	wrt_instance_close(other);
	end(&w);
}

static void
refuses_module(const char *name, const char *why)
{
	struct world w = world();
	const struct wrt_limits one = { .min = 1, .max = 2, .page_log2 = 16 };
	wrt_module *m = api_module(name);
	wrt_val zero = { .u64 = { 0, 0 } };
	wrt_instance *i;

	wrt_imports_unknown(w.l, WRT_UNKNOWN_TRAP);
	CHECK_EQ(wrt_imports_memory(w.l, w.p, "env", "m", &one, NULL), 0);
	CHECK_EQ(wrt_imports_table(w.l, w.p, "env", "t", WRT_FUNCREF, &one,
	    zero, NULL), 0);
	CHECK_EQ(wrt_imports_global(w.l, "env", "g", WRT_I32, 1, zero), 0);
	i = api_instance(w.p, m, w.l);
	refuses(i, NULL, w.so, why);
	wrt_instance_close(i);
	wrt_module_close(m);
	end(&w);
}

TEST(shared_memory)
{
	refuses_module("shared_own", "memory 0 is shared");
}

TEST(imported_objects)
{
	refuses_module("snap_imports", "memory \"m\" is imported from \"env\"");
}

TEST(collected_objects)
{
	refuses_module("snap_gc",
	    "global 0 holds an object of the collected heap");
}

TEST(exceptions)
{
	refuses_module("snap_exn", "global 0 holds an exception");
}

/* ---- Damaged artifacts ---------------------------------------------------- */

/* A state that fits the module, for what does not look at it in vain. */
static const struct wasmc_state *
state_of_clone(void)
{
	static const struct wasmc_state_memory memories[3] = {
	    { .pages = 1 }, { .pages = 2 }, { .pages = 1 } };
	static const uint32_t null[6] = { WASMC_STATE_NULL, 1, 2,
	    WASMC_STATE_NULL, WASMC_STATE_NULL, WASMC_STATE_NULL };
	static const uint32_t no[3] = { WASMC_STATE_NULL, WASMC_STATE_NULL,
	    WASMC_STATE_NULL }, one[2] = { 1, 1 };
	static const struct wasmc_state_table tables[4] = {
	    { 6, null }, { 3, no }, { 2, no }, { 2, one } };
	static const struct wasmc_state_global globals[8] = {
	    [5] = { .func = 2 }, [6] = { .func = WASMC_STATE_NULL } };
	static const uint8_t datas[4] = { 1, 1, 0, 0 }, elems[3] = { 1, 0, 0 };
	static struct wasmc_state st = {
		.nmemories = 3, .memories = memories, .ntables = 4,
		.tables = tables, .nglobals = 8, .globals = globals,
		.ndatas = 4, .data_dropped = datas, .nelems = 2,
		.elem_dropped = elems,
	};

	return &st;
}

struct section {
	uint64_t at, n;
};

/* The file's section i, by hand: offset, size, name. */
static struct section
section(const uint8_t *p, unsigned i, const char **name)
{
	uint64_t shoff, stroff;
	uint16_t strndx;
	uint32_t off;
	struct section s;

	memcpy(&shoff, p + 40, 8);
	memcpy(&strndx, p + 62, 2);
	memcpy(&stroff, p + shoff + 64ull * strndx + 24, 8);
	memcpy(&off, p + shoff + 64ull * i, 4);
	memcpy(&s.at, p + shoff + 64ull * i + 24, 8);
	memcpy(&s.n, p + shoff + 64ull * i + 32, 8);
	*name = (const char *)p + stroff + off;
	return s;
}

/* Make the digest right again, as a hostile author would. */
static void
sign(uint8_t *p)
{
	static const char *const out[] = { ".text", ".wabi.image",
	    ".wabi.data", ".wabi.pcmap", ".wabi.source", ".wabi.digest",
	    ".symtab", ".strtab" };
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint64_t phoff, shoff;
	uint16_t phnum, shnum;
	unsigned len = 0;
	uint8_t *to = NULL;

	memcpy(&phoff, p + 32, 8);
	memcpy(&shoff, p + 40, 8);
	memcpy(&phnum, p + 56, 2);
	memcpy(&shnum, p + 60, 2);
	CHECK(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL));
	EVP_DigestUpdate(c, p, 64);
	EVP_DigestUpdate(c, p + phoff, 56ull * phnum);
	EVP_DigestUpdate(c, p + shoff, 64ull * shnum);
	for (unsigned i = 0; i < shnum; i++) {
		const char *name;
		struct section s = section(p, i, &name);
		bool skip = !strncmp(name, ".debug_", 7) ||
		    !strncmp(name, ".rodata", 7) || *name == 0 ||
		    !strcmp(name, ".relro_padding");

		for (size_t k = 0; k < sizeof out / sizeof *out; k++)
			skip |= !strcmp(name, out[k]);
		if (!skip)
			EVP_DigestUpdate(c, p + s.at, s.n);
		if (!strcmp(name, ".wabi.digest"))
			to = p + s.at;
	}
	CHECK(to && EVP_DigestFinal_ex(c, to, &len));
	EVP_MD_CTX_free(c);
}

/* For several CPUs: what there can be of lists is in it. */
static uint8_t *
clone_artifact(size_t *n)
{
#if defined(__x86_64__)
	struct wasmc_options opt = { .cpu = "x86-64,x86-64-v2,x86-64-v3" };
#else
	struct wasmc_options opt = { .cpu = "generic,neoverse-n1" };
#endif
	char so[64];
	struct wasmc_error err;
	size_t len = 0;
	uint8_t *wasm = api_read("build/tests/wat/clone.wasm", &len), *p;

	snprintf(so, sizeof so, "build/tests/snap-in-%d.so", (int)getpid());
	if (wasmc_compile(wasm, len, "clone", so, &opt, &err) != WASMC_OK)
		test_end('F', "%s", err.text);
	p = bytes_of(so, n);
	unlink(so);
	free(wasm);
	return p;
}

static int
try(const uint8_t *p, size_t n, struct wasmc_error *err)
{
	return wasmc_snapshot_write(p, n, state_of_clone(), "/dev/null", err);
}

TEST(altered_artifacts)
{
	struct wasmc_error err;
	size_t n, at;
	uint8_t *p = clone_artifact(&n);
	const char *name = "";
	unsigned i = 0;

	if (try(p, n, &err) != WASMC_OK)
		test_end('F', "%s", err.text);
	while (strcmp(name, ".wabi.meta"))
		at = section(p, ++i, &name).at;
	p[at + 200] ^= 1;
	CHECK_EQ(try(p, n, &err), WASMC_EINVALID);
	CHECK_HAS(err.text, "altered");
	p[at + 200] ^= 1;
	for (size_t k = 0; k < n; k += k < 4096 ? 7 : 997)
		CHECK_EQ(try(p, k, &err), WASMC_EINVALID);
	CHECK_EQ(try(p, 0, &err), WASMC_EINVALID);
	free(p);
}

/* Bytes of headers and metadata changed at random, with a right digest: any
 * result but a crash, and a wrong one is refused when it is loaded. */
TEST(hostile_artifacts)
{
	size_t n, bad = 0, good = 0;
	uint8_t *p = clone_artifact(&n), *q = malloc(n);
	struct section meta = { 0 };
	const char *name = "";

	CHECK(q);
	for (unsigned i = 0; strcmp(name, ".wabi.meta");)
		meta = section(p, ++i, &name);
	for (int round = 0; round < 20000; round++) {
		struct wasmc_error err;
		int rc;

		memcpy(q, p, n);
		for (uint32_t k = 1 + rnd(4); k--;) {
			size_t at = meta.at + rnd(round % 2 ? 512 :
			    (uint32_t)meta.n);
			static const uint32_t words[] = { 0, 1, 16, 0x7fffffff,
			    0x80000000, 0xffffffff, 0xfff0, 512, 1024 };

			if (rnd(2))
				q[at] = (uint8_t)rnd(256);
			else
				memcpy(q + (at & ~3ull), &words[rnd(9)], 4);
		}
		sign(q);
		rc = try(q, n, &err);
		CHECK(rc == WASMC_OK || rc == WASMC_EINVALID ||
		    rc == WASMC_EOPTION || rc == WASMC_EUNSUPPORTED);
		rc == WASMC_OK ? good++ : bad++;
	}
	CHECK(good > 100 && bad > 100);
	/* Section and program headers. */
	for (int round = 0; round < 20000; round++) {
		struct wasmc_error err;
		uint64_t shoff;

		memcpy(q, p, n);
		memcpy(&shoff, q + 40, 8);
		if (round % 2)
			q[64 + rnd(56 * 9)] = (uint8_t)rnd(256);
		else
			q[shoff + rnd(64 * 24)] = (uint8_t)rnd(256);
		/* The digest's own section must be found to be signed. */
		if (round % 4 == 1)
			sign(q);
		try(q, n, &err);
	}
	free(q);
	free(p);
}

TEST(odd_states)
{
	struct wasmc_error err;
	size_t n;
	uint8_t *p = clone_artifact(&n);
	static const uint8_t page[4096];
	struct wasmc_state st = *state_of_clone();
	struct wasmc_state_memory m[3] = { { .pages = 0 }, { .pages = 2 },
	    { .pages = 1 } };
	struct wasmc_state_run r[2] = { { 4096, 4096, page },
	    { 0, 4096, page } };

	st.memories = m;
	CHECK_EQ(wasmc_snapshot_write(p, n, &st, "/dev/null", &err),
	    WASMC_EOPTION);
	m[0].pages = 41;
	CHECK_EQ(wasmc_snapshot_write(p, n, &st, "/dev/null", &err),
	    WASMC_EOPTION);
	m[0] = (struct wasmc_state_memory){ 1, r, 2 };
	CHECK_EQ(wasmc_snapshot_write(p, n, &st, "/dev/null", &err),
	    WASMC_EOPTION);
	CHECK_HAS(err.text, "the state of memory 0 is odd");
	r[0].addr = 65536;
	m[0].nruns = 1;
	CHECK_EQ(wasmc_snapshot_write(p, n, &st, "/dev/null", &err),
	    WASMC_EOPTION);
	r[0].addr = 61440;
	CHECK_EQ(wasmc_snapshot_write(p, n, &st, "/dev/null", &err), WASMC_OK);
	st.nglobals = 7;
	CHECK_EQ(wasmc_snapshot_write(p, n, &st, "/dev/null", &err),
	    WASMC_EOPTION);
	CHECK_EQ(wasmc_snapshot_write(p, n, state_of_clone(),
	    "build/no/such/folder/x.so", &err), WASMC_EIO);
	free(p);
}

TEST_MAIN
