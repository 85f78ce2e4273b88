/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * landing.c: where an exception is caught.
 *
 * The walk is that of unwind.c.  For each frame the unwinder knows the LSDA,
 * the table of call sites that LLVM writes for functions with landing pads:
 *
 *   encoding of the start of landing pads    omitted: the function's start
 *   encoding and length of the type table    of no interest here
 *   encoding and length of the call sites
 *   call sites, ascending: start, length, landing pad or 0, action
 *
 * Every landing pad takes every exception, so the first that is found is it.
 * The module is trusted as code is; the table is read within the bounds of its
 * section all the same.
 */
#include <unwind.h>

#include "load.h"

_Unwind_Reason_Code wrt__unwind_from(const struct wrt__regs *regs,
    _Unwind_Trace_Fn step, void *w);

/* ---- The table ---------------------------------------------------------- */

struct bytes {
	const uint8_t *p, *end;
	bool bad;
};

enum { ENC_ULEB = 0x01, ENC_UDATA4 = 0x03, ENC_OMIT = 0xff };

static uint8_t
get_byte(struct bytes *b)
{
	if (b->p < b->end)
		return *b->p++;
	b->bad = true;
	return 0;
}

static uint64_t
get_uleb(struct bytes *b)
{
	uint64_t x = 0;

	for (unsigned shift = 0; !b->bad; shift += 7) {
		uint8_t c = get_byte(b);

		if (shift >= 63)
			b->bad = true;
		else
			x |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			break;
	}
	return x;
}

static uint64_t
get_number(struct bytes *b, uint8_t encoding)
{
	uint32_t x = 0;

	if (encoding == ENC_ULEB)
		return get_uleb(b);
	for (unsigned i = 0; i < 4; i++)
		x |= (uint32_t)get_byte(b) << 8 * i;
	return x;
}

/* The landing pad for offset `at` in the function, or 0. */
static uint64_t
find_pad(struct bytes *b, uint64_t at)
{
	uint8_t encoding;
	uint64_t n;

	if (get_byte(b) != ENC_OMIT)
		return 0;
	if (get_byte(b) != ENC_OMIT)
		get_uleb(b);
	encoding = get_byte(b);
	n = get_uleb(b);
	if ((encoding != ENC_ULEB && encoding != ENC_UDATA4) ||
	    n > (uint64_t)(b->end - b->p))
		return 0;
	b->end = b->p + n;
	while (!b->bad && b->p < b->end) {
		uint64_t start = get_number(b, encoding);
		uint64_t size = get_number(b, encoding);
		uint64_t pad = get_number(b, encoding);

		get_uleb(b);
		if (b->bad || at < start)
			break;
		if (at - start < size)
			return pad;
	}
	return 0;
}

/* ---- The walk ----------------------------------------------------------- */

struct landing {
	struct wrt__regs *regs;
	bool in_guest;			/* the stub's frame is behind us */
	bool beyond_first, found;
};

static uintptr_t
pad_of(struct _Unwind_Context *context, uintptr_t pc)
{
	const uint8_t *lsda = _Unwind_GetLanguageSpecificData(context);
	uintptr_t start = _Unwind_GetRegionStart(context);
	struct wrt_module *m;
	struct bytes b;
	uint64_t pad;

	if (!lsda || !wrt__registry_find(pc, &m) || pc < start ||
	    lsda < m->except || lsda >= m->except + m->except_bytes)
		return 0;
	b = (struct bytes){ lsda, m->except + m->except_bytes, false };
	pad = find_pad(&b, pc - start);
	return pad && pad < m->text_end - start ? start + pad : 0;
}

static void
take_regs(struct _Unwind_Context *context, struct wrt__regs *r)
{
	r->sp = _Unwind_GetCFA(context);
#if defined(__x86_64__)
	r->rbx = _Unwind_GetGR(context, 3);
	r->rbp = _Unwind_GetGR(context, 6);
	r->r12 = _Unwind_GetGR(context, 12);
	r->r13 = _Unwind_GetGR(context, 13);
	r->r14 = _Unwind_GetGR(context, 14);
	r->r15 = _Unwind_GetGR(context, 15);
#elif defined(__aarch64__)
	for (int i = 0; i < 12; i++)
		r->x19_x30[i] = _Unwind_GetGR(context, 19 + i);
	for (int i = 0; i < 8; i++)
		r->d8_d15[i] = _Unwind_GetGR(context, 72 + i);
#endif
}

static _Unwind_Reason_Code
step(struct _Unwind_Context *context, void *arg)
{
	struct landing *l = arg;
	uintptr_t pc = _Unwind_GetIP(context), pad;

	if (!l->in_guest) {
		l->in_guest = true;
		return _URC_NO_REASON;
	}
	if (pc == 0)
		return _URC_END_OF_STACK;
	/* A return address is behind its call; the first already is not. */
	pad = pad_of(context, pc - l->beyond_first);
	l->beyond_first = true;
	if (!pad)
		return _URC_NO_REASON;
	take_regs(context, l->regs);
	l->regs->pc = pad;
	l->found = true;
	return _URC_END_OF_STACK;
}

bool
wrt__find_landing(struct wrt__regs *regs)
{
	struct wrt__regs from = *regs;
	struct landing l = { .regs = regs };

	from.pc--;
	wrt__unwind_from(&from, step, &l);
	return l.found;
}
