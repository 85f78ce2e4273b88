/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * cont_life.c: continuations and their references, from birth to death.
 *
 * A reference is a number: a slot's, and the slot's count when the reference
 * was made.  Whatever uses a reference up counts on.  So an old reference is
 * told from a new one for ever, also when its continuation is gone and the slot
 * has another, and nothing needs to be kept for references that are used up.
 * A slot whose count would begin again is not used any more.
 *
 * A continuation belongs to the instance that made it and ends when it returns
 * or throws.  One that is suspended, and that nobody resumes, ends when nobody
 * knows it: that is found out when new ones or their stacks would be too many,
 * by looking for words that could be references on the guests' stacks, in saved
 * registers, in the tables, globals and exceptions of the group, in all of its
 * heap, and on the stacks of the continuations that are known.
 */
#include <stdlib.h>
#include <string.h>

#include "rt.h"

#define STACK_BYTES	(256ull << 10)	/* of one, at most */
#define COLLECT_CONTS	1024u
#define COLLECT_STACKS	(64ull << 20)

/* ---- Slots -------------------------------------------------------------- */

/* Small numbers must not look like references. */
#define FIRST_SLOT	0x6b000000u

enum { CHUNK = 4096, NCHUNKS = 4096 };

struct slot {
	struct wrt__cont *k;		/* or NULL */
	uint32_t count;
	uint32_t next;			/* free ones: slot, or 0 */
};

/* A chunk stays where it is.  A thread reads and counts the slots of its own
 * continuations only; taking and giving them back is under the lock. */
static struct slot *_Atomic chunks[NCHUNKS];
pthread_mutex_t wrt__conts_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t nslots = 1, free_slot;		/* slot 0 is none */

static struct slot *
slot_at(uint32_t n)
{
	return &atomic_load_explicit(&chunks[n / CHUNK],
	    memory_order_acquire)[n % CHUNK];
}

/* One that never was in use, or 0. */
static uint32_t
slot_new(void)
{
	struct slot *c;

	if (nslots == CHUNK * NCHUNKS)
		return 0;
	if (!atomic_load(&chunks[nslots / CHUNK])) {
		c = wrt__calloc(CHUNK, sizeof *c);
		if (!c)
			return 0;
		atomic_store_explicit(&chunks[nslots / CHUNK], c,
		    memory_order_release);
	}
	slot_at(nslots)->count = 1;
	return nslots++;
}

static uint32_t
slot_take(struct wrt__cont *k)
{
	uint32_t n;

	pthread_mutex_lock(&wrt__conts_lock);
	n = free_slot;
	if (n)
		free_slot = slot_at(n)->next;
	else
		n = slot_new();
	if (n)
		slot_at(n)->k = k;
	pthread_mutex_unlock(&wrt__conts_lock);
	return n;
}

static void
slot_give(uint32_t n)
{
	struct slot *s = slot_at(n);

	pthread_mutex_lock(&wrt__conts_lock);
	s->k = NULL;
	if (++s->count) {
		s->next = free_slot;
		free_slot = n;
	}
	pthread_mutex_unlock(&wrt__conts_lock);
}

/* ---- References --------------------------------------------------------- */

static uint64_t
word_of(const struct wrt__cont *k)
{
	return (uint64_t)slot_at(k->slot)->count << 32 |
	    (FIRST_SLOT + k->slot);
}

void *
wrt__cont_ref(const struct wrt__cont *k)
{
	return (void *)(uintptr_t)word_of(k);
}

struct wrt__cont *
wrt__cont_of(const void *ref)
{
	uint64_t word = (uint64_t)(uintptr_t)ref;
	uint32_t n = (uint32_t)word - FIRST_SLOT;
	const struct slot *s;

	if (n / CHUNK >= NCHUNKS || !atomic_load_explicit(&chunks[n / CHUNK],
	    memory_order_acquire))
		return NULL;
	s = slot_at(n);
	return s->count == word >> 32 ? s->k : NULL;
}

void
wrt__cont_renew(struct wrt__cont *k)
{
	uint32_t n;

	if (++slot_at(k->slot)->count)
		return;
	n = slot_take(k);
	if (!n)
		wrt__trap(WABI_TRAP_HEAP);
	slot_at(k->slot)->k = NULL;
	k->slot = n;
}

/* ---- The end ------------------------------------------------------------ */

static void
disown(struct wrt__cont *k)
{
	struct wrt__conts *l = &k->owner->conts;

	*k->at = k->next;
	if (k->next)
		k->next->at = k->at;
	l->n--;
	if (k->stack)
		l->bytes -= k->stack->bytes;
	k->owner = NULL;
}

void
wrt__cont_end(struct wrt__cont *k)
{
	if (k->owner)
		disown(k);
	if (k->stack)
		wrt__stack_give(wrt__thread_get(), k->stack);
	else
		wrt__free(k->vals);
	slot_give(k->slot);
	wrt__free(k);
}

/* A suspended one, and those that wait on it. */
static void
end_all(struct wrt__cont *k)
{
	struct wrt__cont *c = k->stack ? k->inner : k, *next;

	for (; c != k; c = next) {
		next = c->parent;
		wrt__cont_end(c);
	}
	wrt__cont_end(k);
}

/* What runs goes on without an owner; its stack is its own. */
void
wrt__conts_free(wrt_instance *i)
{
	struct wrt__cont *k, *head;

	while ((k = i->conts.first)) {
		for (head = k; head->parent; head = head->parent)
			;
		if (head->suspended)
			end_all(head);
		else
			disown(k);
	}
}

/* ---- Those that nobody knows -------------------------------------------- */

struct known {
	uint64_t word;
	struct wrt__cont *k;
};

struct search {
	struct known *all;		/* suspended ones, by word */
	size_t n;
	struct wrt__cont **todo;	/* marked, not looked through yet */
	size_t ntodo;
};

static int
by_word(const void *a, const void *b)
{
	uint64_t x = ((const struct known *)a)->word;
	uint64_t y = ((const struct known *)b)->word;

	return (x > y) - (x < y);
}

static void
mark(struct search *s, struct wrt__cont *k)
{
	if (k->marked)
		return;
	k->marked = true;
	s->todo[s->ntodo++] = k;
}

static void
look_at(struct search *s, uint64_t word)
{
	struct known key = { word, NULL }, *found;

	if ((uint32_t)word - FIRST_SLOT >= (uint32_t)CHUNK * NCHUNKS)
		return;
	found = bsearch(&key, s->all, s->n, sizeof key, by_word);
	if (found)
		mark(s, found->k);
}

/* Stacks are read as they are, also where address sanitizers mind. */
__attribute__((no_sanitize("address"))) static void
look_through(void *arg, const void *from, const void *to)
{
	uintptr_t at = ((uintptr_t)from + 7) & ~(uintptr_t)7;

	for (; at + 8 <= (uintptr_t)to; at += 8)
		look_at(arg, *(const uint64_t *)at);
}

static void
look_at_payload(void *arg, const union wabi_val *vals, const uint8_t *types,
    uint32_t n)
{
	(void)types;
	look_through(arg, vals, vals + n);
}

static void
look_at_instance(struct search *s, const wrt_instance *i)
{
	const struct wrt_module *m = i->module;

	for (uint32_t k = 0; k < m->nglobals; k++)
		if (i->globals[k].cell && i->globals[k].type.type ==
		    WABI_CONTREF)
			look_at(s, i->globals[k].cell->i64);
	for (uint32_t k = 0; k < m->ntables; k++)
		if (i->tables[k] && i->tables[k]->type.type == WABI_CONTREF)
			look_through(s, i->tables[k]->t.base,
			    i->tables[k]->t.base + i->tables[k]->t.size);
	wrt__exns_each(i, look_at_payload, s);
	wrt__words_of_call(i->suspended, look_through, s);
}

static size_t
count(const struct wrt__group *g)
{
	size_t n = 0;

	for (const wrt_instance *i = g->members; i; i = i->next)
		n += i->conts.n;
	return n;
}

static void
list(struct search *s, const struct wrt__group *g)
{
	for (const wrt_instance *i = g->members; i; i = i->next)
		for (struct wrt__cont *k = i->conts.first; k; k = k->next) {
			k->marked = false;
			if (k->suspended)
				s->all[s->n++] = (struct known){ word_of(k),
				    k };
		}
	qsort(s->all, s->n, sizeof *s->all, by_word);
}

/* Nobody else may be at work in the group. */
static bool
alone(const struct wrt__group *g)
{
	for (const wrt_instance *i = g->members; i; i = i->next) {
		const struct wrt__thread *t = atomic_load(&i->thread);

		if (t && t != wrt__thread)
			return false;
	}
	return true;
}

/* keep is about to run: no reference to it is left. */
static void
collect(wrt_instance *i, struct wrt__cont *keep)
{
	struct wrt__group *g = wrt__group_of(&i->group);
	struct wrt__conts *l = &i->conts;
	struct search s = { .n = 0 };
	size_t n = count(g);

	if (wrt__suspended_anywhere(g) || !alone(g))
		return;
	s.all = wrt__calloc(n + 1, sizeof *s.all + sizeof *s.todo);
	if (!s.all)
		return;			/* later, perhaps */
	s.todo = (struct wrt__cont **)(void *)(s.all + n + 1);
	list(&s, g);
	if (keep)
		mark(&s, keep);
	wrt__words_of_acts(look_through, &s);
	for (const wrt_instance *j = g->members; j; j = j->next)
		look_at_instance(&s, j);
	if (g->heap)
		wrt__heap_words(g->heap, look_through, &s);
	while (s.ntodo)
		wrt__words_of_cont(s.todo[--s.ntodo], look_through, &s);
	for (size_t k = 0; k < s.n; k++)
		if (!s.all[k].k->marked)
			end_all(s.all[k].k);
	wrt__free(s.all);
	l->collect_n = 2 * l->n > COLLECT_CONTS ? 2 * l->n : COLLECT_CONTS;
	l->collect_bytes = 2 * l->bytes > COLLECT_STACKS ? 2 * l->bytes :
	    COLLECT_STACKS;
}

/* ---- New ones ----------------------------------------------------------- */

static void
own(wrt_instance *i, struct wrt__cont *k)
{
	struct wrt__conts *l = &i->conts;

	k->owner = i;
	k->next = l->first;
	k->at = &l->first;
	if (k->next)
		k->next->at = &k->next;
	l->first = k;
	l->n++;
	if (k->stack)
		l->bytes += k->stack->bytes;
}

void
wrt__cont_adopt(wrt_instance *i, struct wrt__cont *k)
{
	if (!k->owner)
		own(i, k);
}

struct wrt__cont *
wrt__cont_new(wrt_instance *i, struct wabi_func *f)
{
	struct wrt__conts *l = &i->conts;
	struct wrt__cont *k;

	if (l->n >= (l->collect_n ? l->collect_n : COLLECT_CONTS) ||
	    l->n >= l->max_n)
		collect(i, NULL);
	k = l->n < l->max_n ? wrt__calloc(1, sizeof *k) : NULL;
	if (k && !(k->slot = slot_take(k))) {
		wrt__free(k);
		k = NULL;
	}
	if (!k)
		wrt__trap(WABI_TRAP_HEAP);
	k->func = f;
	k->suspended = true;
	own(i, k);
	return k;
}

void
wrt__cont_stack(struct wrt__cont *k)
{
	wrt_instance *i = k->owner;
	struct wrt__conts *l = &i->conts;
	uint64_t bytes = i->stack_bytes < STACK_BYTES ? i->stack_bytes :
	    STACK_BYTES;
	struct wrt__stack *s = NULL;

	if (l->bytes + bytes > (l->collect_bytes ? l->collect_bytes :
	    COLLECT_STACKS) || l->bytes + bytes > l->max_bytes)
		collect(i, k);
	if (l->bytes + bytes <= l->max_bytes)
		s = wrt__stack_take(wrt__act->thread, bytes);
	if (!s)
		wrt__trap(WABI_TRAP_STACK_OVERFLOW);
	l->bytes += bytes;
	k->stack = s;
}

int
wrt_cont_limit(wrt_instance *i, uint32_t n, uint64_t stack_bytes)
{
	if (!i)
		return WRT_EINVAL;
	if (n && n < i->conts.max_n)
		i->conts.max_n = n;
	if (stack_bytes && stack_bytes < i->conts.max_bytes)
		i->conts.max_bytes = stack_bytes;
	return WRT_OK;
}
