/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * header_host.c: a host that calls a guest by what `wasmc --emit=header` wrote;
 * see header.py.  C and C++.
 */
#include <stdio.h>

#include "names.h"
#include "typed.h"

#define DO(x)	do { int rc_ = (x); if (rc_ != WRT_OK) { printf("%s: %s\n", \
	#x, wrt_status_text(rc_)); return 1; } } while (0)

static int32_t
cb(void *data, wrt_instance *caller, int32_t a)
{
	(void)caller;
	return a + *(int *)data;
}

static double
mix(void *data, wrt_instance *caller, int32_t a, float b, int64_t c, double d)
{
	(void)data, (void)caller;
	return a + (double)b + (double)c + d;
}

static int
use_typed(wrt_instance *i)
{
	struct typed m;
	int32_t x = -1, y = -1;
	double d = -1;

	DO(typed_bind(&m, i));
	DO(typed_cb(&m, 4, &x));
	DO(typed_mix(&m, 1, 0.5f, 2, 0.25, &d));
	printf("cb %d, mix %.2f", x, d);
	DO(typed_six(&m, 1, 2, 3, 4, 5, 6, &x));
	DO(typed_two(&m, &y, &x));
	printf(", two %d %d", y, x);
	x = 77;
	if (typed_div(&m, 1, 0, &x) != WRT_ETRAP || x != 77)
		return 1;
	DO(wrt_instance_enter(i));
	for (int k = 1; k < 100; k++)
		DO(typed_div(&m, 100 * k, k, &x));
	if (typed_div(&m, 1, 0, &x) != WRT_ETRAP || x != 100)
		return 1;
	DO(wrt_instance_leave(i));
	printf(", div %d\n", x);
	return 0;
}

static int
use_names(wrt_instance *i)
{
	struct names m;
	wrt_val v[2], r[2];
	int32_t x[8];
	int64_t y;

	DO(names_bind(&m, i));
	DO(names_bind_x(&m, &x[0]));
	DO(names_bind__x78(&m, &x[1]));
	DO(names_imports_add_x(&m, &x[2]));
	DO(names_a_x20b(&m, &x[3]));
	DO(names_a__x7820b(&m, &x[4]));
	DO(names___x78(&m, &x[5]));
	DO(names_(&m, &x[7]));
	DO(names_int(&m, 1, 2, 3, 4, 5, 6, &x[6], &y));
	memset(v, 1, sizeof v);
	DO(names_refs(&m, v[0], v[1], &r[0], &r[1]));
	for (int k = 0; k < 8; k++)
		printf("%d ", x[k]);
	printf("%d %d\n", (int)y, memcmp(&v[1], &r[1], 16));
	return 0;
}

static int
other_module(wrt_instance *i)
{
	struct typed m;

	return typed_bind(&m, i) == WRT_ENOTFOUND ? 0 : 1;
}

static wrt_instance *
instance(wrt_pool *p, const char *path, wrt_imports *l)
{
	struct wrt_error err;
	wrt_instance *i = NULL;
	wrt_module *m;

	if (wrt_module_open(&m, path, &err) != WRT_OK) {
		printf("%s\n", err.text);
		return NULL;
	}
	if (wrt_instance_create(&i, p, m, l, &err) != WRT_OK)
		printf("%s\n", err.text);
	wrt_module_close(m);
	return i;
}

int
main(int argc, char **argv)
{
	struct typed_imports f;
	struct names_imports g;
	wrt_instance *i, *n;
	int one = 1, rc;
	wrt_imports *l;
	wrt_pool *p;

	if (argc != 3)
		return 2;
	memset(&f, 0, sizeof f);
	memset(&g, 0, sizeof g);
	f.env_cb = cb;
	f.env_mix = mix;
	DO(wrt_pool_create(&p, NULL, NULL));
	DO(wrt_imports_create(&l));
	wrt_imports_unknown(l, WRT_UNKNOWN_TRAP);
	DO(typed_imports_add(l, &f, &one));
	DO(names_imports_add(l, &g, NULL));
	i = instance(p, argv[1], l);
	n = instance(p, argv[2], l);
	if (!i || !n)
		return 1;
	rc = use_typed(i) || use_names(n) || other_module(n);
	wrt_instance_close(n);
	wrt_instance_close(i);
	wrt_imports_destroy(l);
	wrt_pool_destroy(p);
	return rc;
}
