/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Opening, sharing and closing modules; what they say about themselves; places
 * in their code.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "../hostile/artifact.h"

static struct artifact art;
static struct wrt_error err;

static wrt_module *
must_open(void)
{
	wrt_module *m = NULL;

	if (wrt_module_open(&m, art.path, &err) != WRT_OK)
		test_end('F', "%s", err.text);
	return m;
}

/* How many mappings of the sample there are. */
static int
nmapped(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[600];
	int n = 0;

	while (fgets(line, sizeof line, f))
		n += strstr(line, "wrt-load") || strstr(line, "memfd:wasmrt");
	fclose(f);
	return n;
}

static int
nfds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(what_it_has)
{
	struct wrt_extern_type t;
	wrt_module *m;

	artifact_sample(&art);
	artifact_write(&art);
	m = must_open();
	CHECK_STR(wrt_module_name(m), "sample");
	CHECK_EQ(wrt_module_nimports(m), 2);
	CHECK_EQ(wrt_module_import(m, 0, &t), WRT_OK);
	CHECK_STR(t.module, "env");
	CHECK_STR(t.name, "imp");
	CHECK_EQ(t.kind, WRT_FUNC);
	CHECK_EQ(t.func.nparams, 2);
	CHECK_EQ(t.func.nresults, 1);
	CHECK_EQ(t.func.params[1], WRT_I32);
	CHECK_EQ(wrt_module_import(m, 1, &t), WRT_OK);
	CHECK_EQ(t.kind, WRT_GLOBAL);
	CHECK_EQ(t.type, WRT_I32);
	CHECK_EQ(t.mut, 0);
	CHECK_EQ(wrt_module_import(m, 2, &t), WRT_EINVAL);
	CHECK_EQ(wrt_module_nexports(m), 5);
	CHECK_EQ(wrt_module_export(m, 0, &t), WRT_OK);
	CHECK_STR(t.name, "memory");
	CHECK_EQ(t.limits.min, 2);
	CHECK_EQ(t.limits.max, 10);
	CHECK_EQ(wrt_module_export(m, 1, &t), WRT_OK);
	CHECK_EQ(t.kind, WRT_TABLE);
	CHECK_EQ(t.type, WRT_FUNCREF);
	CHECK_EQ(t.limits.max, 8);
	CHECK_EQ(wrt__find_export(m, "outer", 5), 2);
	CHECK_EQ(wrt__find_export(m, "oute", 4), -1);
	CHECK_EQ(wrt__find_export(m, "", 0), -1);
	CHECK(m->image_bytes && m->image[5000 % 4096] == 'i');
	CHECK(m->data_bytes >= 5);
	wrt_module_close(m);
	artifact_free(&art);
}

TEST(open_twice_is_one_mapping)
{
	wrt_module *a, *b;
	int maps, fds = nfds();

	artifact_sample(&art);
	artifact_write(&art);
	a = must_open();
	maps = nmapped();
	CHECK(maps > 0);
	b = must_open();
	CHECK_EQ(nmapped(), maps);
	CHECK(wrt__registry_find(a->text_start, NULL));
	wrt_module_close(a);
	CHECK_EQ(nmapped(), maps);
	CHECK(wrt__registry_find(b->text_start, NULL));
	wrt_module_close(b);
	CHECK_EQ(nmapped(), 0);
	CHECK_EQ(nfds(), fds);
	wrt_module_close(NULL);
	artifact_free(&art);
}

/* Written over in place while open: another file under the same inode. */
TEST(written_over)
{
	wrt_module *a, *b;
	int fd;

	artifact_sample(&art);
	artifact_write(&art);
	a = must_open();
	((struct wabi_meta *)art_at(&art, ".wabi.meta"))->wasm_sha256[0] ^= 1;
	artifact_seal(&art);
	fd = open(art.path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, art.b, art.n) == (ssize_t)art.n);
	close(fd);
	CHECK_EQ(wrt_module_open(&b, art.path, &err), WRT_ELOAD);
	CHECK_HAS(err.text, "while it is in use");
	wrt_module_close(a);
	wrt_module_close(must_open());
	artifact_free(&art);
}

/* What others can write to is copied: a change after the check is not seen. */
TEST(writable_by_others)
{
	const struct wabi_meta *meta;
	wrt_module *m;
	int fd;

	artifact_sample(&art);
	artifact_write(&art);
	CHECK(chmod(art.path, 0666) == 0);
	m = must_open();
	meta = (const void *)m->base;
	CHECK_EQ(meta->magic, WABI_MAGIC);
	fd = open(art.path, O_WRONLY | O_TRUNC);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(meta->magic, WABI_MAGIC);	/* no SIGBUS */
	CHECK(write(m->fd, "x", 1) < 0);
	wrt_module_close(m);
	CHECK_EQ(nmapped(), 0);
	artifact_free(&art);
}

TEST(from_a_descriptor)
{
	wrt_module *m = NULL;
	int fd, p[2];

	artifact_sample(&art);
	artifact_write(&art);
	fd = open(art.path, O_RDONLY);
	lseek(fd, 100, SEEK_SET);
	CHECK_EQ(wrt_module_open_fd(&m, fd, "given", &err), WRT_OK);
	CHECK(close(fd) == 0);			/* it stayed ours */
	CHECK_STR(m->path, "given");
	wrt_module_close(m);
	CHECK_EQ(wrt_module_open_fd(&m, -1, "none", &err), WRT_ESYS);
	CHECK(pipe(p) == 0);
	CHECK_EQ(wrt_module_open_fd(&m, p[0], "pipe", &err), WRT_ELOAD);
	CHECK_HAS(err.text, "pipe: not a wasmc artifact");
	CHECK_EQ(wrt_module_open_fd(&m, p[0], "pipe", NULL), WRT_ELOAD);
	artifact_free(&art);
}

/* Every allocation fails once; nothing is lost. */
TEST(out_of_memory)
{
	wrt_module *m = NULL;
	struct wrt_frame fr[WRT__PLACE_FRAMES];
	int fds = nfds(), rc = WRT_ENOMEM, n;

	artifact_sample(&art);
	artifact_write(&art);
	for (n = 1; rc && n < 1000; n++) {
		atomic_store(&wrt__alloc_fail_in, n);
		rc = wrt_module_open(&m, art.path, &err);
		atomic_store(&wrt__alloc_fail_in, 0);
		if (rc) {
			CHECK_EQ(rc, WRT_ENOMEM);
			CHECK_HAS(err.text, "out of memory");
			CHECK_EQ(nfds(), fds);
			CHECK_EQ(nmapped(), 0);
		}
	}
	CHECK(n > 10);
	CHECK_EQ(rc, WRT_OK);
	for (n = 1; n < 10; n++) {
		atomic_store(&wrt__alloc_fail_in, n);
		wrt__symbolise(m, m->text_start, false, fr);
		atomic_store(&wrt__alloc_fail_in, 0);
	}
	wrt_module_close(m);
	artifact_free(&art);
}

/* Is every frame of the place one of its function? */
static bool
good_place(const wrt_module *m, const struct wrt_frame *fr, unsigned n)
{
	const struct wabi_func_info *f = WRT__META(m, funcs);

	for (unsigned i = 0; i < n; i++) {
		CHECK_STR(fr[i].module, "sample");
		if (fr[i].wasm_off == UINT32_MAX)
			continue;
		f = &WRT__META(m, funcs)[fr[i].func_idx];
		CHECK(fr[i].wasm_off >= f->wasm_off);
		CHECK(fr[i].wasm_off < f->wasm_off + f->wasm_size);
		CHECK_EQ(fr[i].func_off, fr[i].wasm_off - f->wasm_off);
	}
	return n != 0;
}

/* "outer" has "inner" inlined: its load is the place of two frames. */
TEST(places)
{
	struct wrt_frame fr[WRT__PLACE_FRAMES];
	const struct wabi_func_info *f;
	wrt_module *m;
	uint32_t found = 0, inlined = 0;
	unsigned n;

	artifact_sample(&art);
	artifact_write(&art);
	m = must_open();
	f = WRT__META(m, funcs);
	for (uint32_t i = 0; i < m->nfuncs; i++) {
		uintptr_t at = (uintptr_t)wrt__code(m, f[i].code);

		for (uint32_t k = 0; at && k < f[i].size; k++) {
			n = wrt__symbolise(m, at + k, false, fr);
			CHECK(good_place(m, fr, n));
			CHECK_EQ(fr[n - 1].func_idx, i);
			inlined += n == 2 && !strcmp(fr[1].func, "outer") &&
			    !strcmp(fr[0].func, "inner");
			/* A return address is in the call before it. */
			CHECK_EQ(wrt__symbolise(m, at + k + 1, true, fr), n);
			CHECK_EQ(fr[n - 1].func_idx, i);
			found += k == 0 && (!strcmp(fr[n - 1].func, "outer") ||
			    !strcmp(fr[n - 1].func, "noname"));
		}
	}
	CHECK_EQ(found, 2);
	CHECK(inlined);
	CHECK_EQ(wrt__symbolise(m, m->text_end, false, fr), 0);
	CHECK_EQ(wrt__symbolise(m, 0, false, fr), 0);
	wrt_module_close(m);
	artifact_free(&art);
}

static void *
open_and_close(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		struct wrt_error e;
		struct wrt_frame fr[WRT__PLACE_FRAMES];
		wrt_module *m;

		CHECK_EQ(wrt_module_open(&m, art.path, &e), WRT_OK);
		wrt__symbolise(m, m->text_start, false, fr);
		wrt_module_close(m);
	}
	return NULL;
}

TEST(two_threads)
{
	pthread_t t;

	artifact_sample(&art);
	artifact_write(&art);
	CHECK(pthread_create(&t, NULL, open_and_close, NULL) == 0);
	open_and_close(NULL);
	pthread_join(t, NULL);
	CHECK_EQ(nmapped(), 0);
	artifact_free(&art);
}

TEST_MAIN
