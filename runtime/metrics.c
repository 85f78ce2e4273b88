/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * metrics.c: counters as Prometheus reads them, text format 0.0.4.
 *
 * One table says which numbers there are.  Each family has its HELP and TYPE
 * once, with the samples of all that is written about behind them, as the
 * format wants it.  What comes from the host, the prefix and labels' names, is
 * checked before anything is written; labels' values may hold anything.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rt.h"

enum unit { COUNTER, SECONDS, GAUGE, TRAPS };

#define F(field) offsetof(struct wrt_stats, field)
static const struct family {
	const char *name, *help;
	size_t field;
	enum unit unit;
} families[] = {
	{ "instances_created_total", "Instances that were created.",
	  F(created), COUNTER },
	{ "instances_closed_total", "Instances that were closed.",
	  F(closed), COUNTER },
	{ "instances", "Instances that are open.", F(live), GAUGE },
	{ "instances_parked", "Closed instances kept to be created again.",
	  F(parked), GAUGE },
	{ "calls_total", "Calls of functions by the host.", F(calls),
	  COUNTER },
	{ "traps_total", "Calls that ended in a trap, by its kind.",
	  F(traps), TRAPS },
	{ "resets_total", "Instances that were reset.", F(resets), COUNTER },
	{ "page_faults_total", "Times that the runtime put absent pages of "
	  "memories there.", F(page_faults), COUNTER },
	{ "memory_grows_total", "memory.grow instructions that succeeded.",
	  F(memory_grows), COUNTER },
	{ "cpu_seconds_total", "CPU time of calls, if the pool measures it.",
	  F(cpu_ns), SECONDS },
	{ "fuel_used_total", "Fuel that was used.", F(fuel_used), COUNTER },
	{ "memory_resident_bytes", "Memory of open instances.",
	  F(resident_bytes), GAUGE },
	{ "memory_idle_bytes", "Memory kept for instances to come.",
	  F(idle_bytes), GAUGE },
};
#undef F
enum { NFAMILIES = sizeof families / sizeof *families };

struct out {
	wrt_write_fn *write;
	void *arg;
	int rc;				/* the first one that is not 0 */
	size_t n;
	char buf[512];
};

/* ---- Text --------------------------------------------------------------- */

static void
flush(struct out *o)
{
	if (o->n && !o->rc)
		o->rc = o->write(o->arg, o->buf, o->n);
	o->n = 0;
}

static void
put(struct out *o, const char *s, size_t n)
{
	while (n > 0) {
		size_t k = sizeof o->buf - o->n;

		if (k == 0) {
			flush(o);
			continue;
		}
		k = n < k ? n : k;
		memcpy(o->buf + o->n, s, k);
		o->n += k;
		s += k;
		n -= k;
	}
}

static void
put_str(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

/* Bytes of the UTF-8 character at s, which ends with a NUL; 0: it is none. */
static size_t
utf8(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 :
	    *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

	for (size_t k = 1; k < n; k++)
		if ((s[k] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, beyond U+10FFFF. */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void
put_escaped(struct out *o, const char *s)
{
	while (*s) {
		size_t n = utf8((const unsigned char *)s);

		if (*s == '\\' || *s == '"') {
			put(o, "\\", 1);
			put(o, s, 1);
		} else if (*s == '\n') {
			put(o, "\\n", 2);
		} else if (n) {
			put(o, s, n);
		} else {
			put_str(o, "\xef\xbf\xbd");
		}
		s += n ? n : 1;
	}
}

/* ---- Samples ------------------------------------------------------------ */

static const char *const trap_names[WRT__TRAP_KINDS] = {
#define X(name, number, text) [number] = #name,
	WABI_TRAPS(X)
#undef X
};

/* name="value",... of the host's, and kind= for a trap, in braces. */
static void
put_labels(struct out *o, const char *const *labels, int kind)
{
	char sep = '{';

	for (; labels && *labels; labels += 2) {
		put(o, &sep, 1);
		sep = ',';
		put_str(o, labels[0]);
		put_str(o, "=\"");
		put_escaped(o, labels[1]);
		put(o, "\"", 1);
	}
	if (kind >= 0) {
		const char *name = trap_names[kind] ? trap_names[kind] :
		    "OTHER";

		put(o, &sep, 1);
		sep = ',';
		put_str(o, "kind=\"");
		for (; *name; name++)
			put(o, &(char){ *name >= 'A' && *name <= 'Z' ?
			    (char)(*name + 32) : *name }, 1);
		put(o, "\"", 1);
	}
	if (sep == ',')
		put(o, "}", 1);
}

static void
put_sample(struct out *o, const char *prefix, const struct family *f,
    const struct wrt_metrics *m, int kind, uint64_t value)
{
	char text[48];

	put_str(o, prefix);
	put(o, "_", 1);
	put_str(o, f->name);
	put_labels(o, m->labels, kind);
	if (f->unit == SECONDS)
		snprintf(text, sizeof text, " %" PRIu64 ".%09" PRIu64 "\n",
		    value / 1000000000, value % 1000000000);
	else
		snprintf(text, sizeof text, " %" PRIu64 "\n", value);
	put_str(o, text);
}

static void
put_samples(struct out *o, const char *prefix, const struct family *f,
    const struct wrt_metrics *m)
{
	struct wrt_stats s = { 0 };

	memcpy(&s, m->stats, m->size < sizeof s ? m->size : sizeof s);
	if (f->unit != TRAPS) {
		put_sample(o, prefix, f, m, -1, *(const uint64_t *)(const void
		    *)((const char *)&s + f->field));
		return;
	}
	for (int k = 0; k < WRT__TRAP_KINDS; k++)
		if (trap_names[k] || k == 0)
			put_sample(o, prefix, f, m, k, s.traps[k]);
}

static void
put_family(struct out *o, const char *prefix, const struct family *f)
{
	const char *const parts[] = {
		"# HELP ", prefix, "_", f->name, " ", f->help,
		"\n# TYPE ", prefix, "_", f->name,
		f->unit == GAUGE ? " gauge\n" : " counter\n",
	};

	for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
		put_str(o, parts[k]);
}

/* ---- All ---------------------------------------------------------------- */

static bool
is_name(const char *s, bool colons)
{
	const char *at = s;

	for (; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')
		    || *at == '_' || (colons && *at == ':') ||
		    (at > s && *at >= '0' && *at <= '9')))
			return false;
	return at > s;
}

/* Names that begin with two underscores are Prometheus's own. */
static bool
are_labels(const char *const *labels)
{
	const char *const *l, *const *k;

	for (l = labels; l && *l; l += 2) {
		if (!l[1] || !is_name(*l, false) || !strncmp(*l, "__", 2) ||
		    !strcmp(*l, "kind"))
			return false;
		for (k = labels; k < l; k += 2)
			if (!strcmp(*k, *l))
				return false;
	}
	return true;
}

int
wrt_stats_prometheus(const char *prefix, const struct wrt_metrics *m, size_t n,
    wrt_write_fn *write, void *arg)
{
	struct out o = { .write = write, .arg = arg };

	if (!prefix || !is_name(prefix, true) || (n && !m) || !write)
		return WRT_EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!m[i].stats || !m[i].size || !are_labels(m[i].labels))
			return WRT_EINVAL;
	for (size_t k = 0; k < NFAMILIES && !o.rc; k++) {
		put_family(&o, prefix, &families[k]);
		for (size_t i = 0; i < n && !o.rc; i++)
			put_samples(&o, prefix, &families[k], &m[i]);
	}
	flush(&o);
	return o.rc;
}

int
wrt_pool_prometheus(wrt_pool *p, const char *name, wrt_write_fn *write,
    void *arg)
{
	const char *const labels[] = { "pool", name, NULL };
	struct wrt_stats s;
	struct wrt_metrics m = { &s, sizeof s, name ? labels : NULL };
	int rc = wrt_pool_stats(p, &s, sizeof s);

	return rc == WRT_OK ? wrt_stats_prometheus("wasmrt", &m, 1, write,
	    arg) : rc;
}
