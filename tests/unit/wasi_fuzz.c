/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Hostile guests.
 *
 * calls: every function with arguments that mean harm, many times, while the
 * host's memory and descriptors stay bounded.
 * paths: random operations on random paths, against a model that follows the
 * rules on a tree of its own; what the two trees look like must agree, and the
 * world outside must be as it was.
 *
 * WASI_FUZZ_SEED and WASI_FUZZ_ROUNDS change what is tried.
 */
#include <sys/resource.h>

#include "wasi/mock.h"

static _Thread_local uint64_t seed;

static uint64_t
rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

static void
fuzz_begin(void)
{
	seed = setting("WASI_FUZZ_SEED", 88172645463325252ull);
}

struct canary {
	struct stat file, dir, world;
};

static void
canary_look(struct canary *c)
{
	CHECK(stat(at("outside/canary"), &c->file) == 0);
	CHECK(stat(at("outside"), &c->dir) == 0);
	CHECK(stat(world, &c->world) == 0);
}

static bool
same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec &&
	    a->st_atim.tv_sec == b->st_atim.tv_sec &&
	    a->st_atim.tv_nsec == b->st_atim.tv_nsec &&
	    a->st_size == b->st_size && a->st_nlink == b->st_nlink;
}

static void
canary_check(const struct canary *before)
{
	struct canary now;

	canary_look(&now);
	CHECK(same_stat(&before->file, &now.file));
	CHECK(same_stat(&before->dir, &now.dir));
	CHECK_EQ(before->world.st_mtim.tv_nsec, now.world.st_mtim.tv_nsec);
}

/* ---- Calls ------------------------------------------------------------ */

static const char *const words[] = {
	"f", "d", "d/n", "..", ".", "/", "a/../..", "lnk", "d/", "f/", "x",
	"../outside/canary", "d/n/f", "out", "out/canary", "\xff", "",
};
enum { NWORDS = sizeof words / sizeof *words };

static uint64_t
hostile(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 1023, 1024, 1025, 4095, 4096,
		0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, MEM_SIZE,
		MEM_SIZE - 1, MEM_SIZE - 8, MEM_SIZE - 64, 1ull << 32,
		0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX,
	};

	switch (rnd(5)) {
	case 0:
		return edges[rnd(sizeof edges / sizeof *edges)];
	case 1:
		return 3 + rnd(10);			/* descriptors */
	case 2:
		return PATH + 64 * rnd(NWORDS);		/* words */
	case 3:
		return rnd(MEM_SIZE) & ~7ull;
	default:
		return rnd(24);
	}
}

/* Lists of small buffers and of subscriptions, so that some calls get far. */
static void
guest_data(void)
{
	for (size_t i = 0; i < NWORDS; i++)
		strcpy((char *)mock_mem.bytes + PATH + 64 * i, words[i]);
	for (uint32_t i = 0; i < 200; i++)
		U32(BUF + 4 * i) = (uint32_t)hostile();
}

/* Calls that could block for long get what makes them not. */
static bool
may_block(const char *name, const uint64_t *a)
{
	return !strcmp(name, "poll_oneoff") && a[2] != 0 && a[2] <= 1024;
}

/* T23.  Returns how many calls there were that succeeded. */
static size_t
storm(uint64_t rounds)
{
	size_t good = 0;

	for (uint64_t r = 0; r < rounds; r++) {
		const struct mock_fn *m = &mock_fns[rnd(mock_nfns)];
		wrt_val vals[16];
		uint64_t args[16];

		if (r % 64 == 0)
			guest_data();
		for (uint32_t i = 0; i < m->nparams; i++) {
			args[i] = hostile();
			vals[i].i64 = (int64_t)args[i];
		}
		/* Half the time let the first argument be a descriptor and
		 * a pointer with its length a word's. */
		if (m->nparams && rnd(2))
			vals[0].i64 = (int64_t)rnd(12);
		for (uint32_t i = 0; i + 1 < m->nparams; i++)
			if (args[i] >= PATH && args[i] < PATH + 64 * NWORDS)
				vals[i + 1].i64 = (int64_t)strlen((char *)
				    mock_mem.bytes + args[i]);
		if (may_block(m->name, args))
			continue;
		if (m->fn(m->data, &mock_inst, vals) == WRT_OK &&
		    m->nresults) {
			CHECK(vals[0].i32 >= 0 && vals[0].i32 <= 76);
			good += vals[0].i32 == 0;
		}
	}
	return good;
}

static size_t
host_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
storm_with(const char *what)
{
	struct wrt_wasi_config config = { .max_fds = 32 };
	struct rlimit small = { 64 << 20, 64 << 20 };
	struct canary before;
	struct rusage use;
	size_t fds;

	fuzz_begin();
	world_config = &config;
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	world_begin();
	CHECK(symlink("../outside", at("box/out")) == 0);
	CHECK(symlink("f", at("box/lnk")) == 0);
	host_file("box/f", "file");
	fds = host_fds();
	canary_look(&before);
	CHECK(storm(setting("WASI_FUZZ_ROUNDS", 100000)) > 100);
	canary_check(&before);
	CHECK(host_fds() <= fds + 32);
	CHECK(getrusage(RUSAGE_SELF, &use) == 0);
#if !__has_feature(address_sanitizer)
	if (use.ru_maxrss > 64 << 10)
		test_end('F', "%s: %ld KiB resident", what, use.ru_maxrss);
#endif
	world_end();
}

TEST(calls)
{
	storm_with("openat2");
}

TEST(calls_walk)
{
	no_openat2 = true;
	storm_with("walk");
}

/* The same from several threads: the table and the lists are shared. */
static void *
storm_thread(void *arg)
{
	mock_memory();
	fuzz_begin();
	seed += (uint64_t)(uintptr_t)arg * 7919;
	storm(setting("WASI_FUZZ_ROUNDS", 100000) / 5);
	munmap(mock_mem.bytes, MEM_SIZE);
	return NULL;
}

TEST(threads)
{
	struct wrt_wasi_config config = { .max_fds = 32 };
	struct rlimit small = { 64 << 20, 64 << 20 };
	struct canary before;
	pthread_t t[4];

	world_config = &config;
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	world_begin();
	CHECK(symlink("../outside", at("box/out")) == 0);
	canary_look(&before);
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, storm_thread, (void *)i));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	canary_check(&before);
	world_end();
}

/* CVE-2026-27204: what one call may take is bounded. */
TEST(budget)
{
	enum { BIG = 200 << 20 };
	struct rusage use;

	world_begin();
	munmap(mock_mem.bytes, MEM_SIZE);
	mock_mem.size = BIG;
	mock_mem.bytes = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(mock_mem.bytes != MAP_FAILED);
	IS(CALL(random_get, 0, WASI_BUDGET + 1), NOMEM);
	IS(CALL(fd_readdir, RW, 0, WASI_BUDGET + 1, 0, WASI_BUDGET + 4), NOMEM);
	IS(CALL(path_open, RW, 0, 0, WASI_BUDGET + 1, 0, 0, 0, 0, BIG - 4),
	    NOMEM);
	IS(CALL(path_open, RW, 0, 0, BIG - 8, 0, 0, 0, 0, BIG - 4), NOMEM);
	IS(CALL(path_open, RW, 0, 0, 4096, 0, 0, 0, 0, BIG - 4), NAMETOOLONG);
	IS(CALL(fd_write, 1, 0, 1025, BIG - 4), INVAL);
	IS(CALL(poll_oneoff, 0, 1 << 20, 1025, BIG - 4), INVAL);
	/* A small file read into a large buffer touches what it fills. */
	host_file("box/f", "small");
	IS(xopen(RW, "f", 0, R_READ, 0, 0), SUCCESS);
	IS(xread(opened, BIG - BUF - 4), SUCCESS);
	CHECK_EQ(U32(OUT), 5);
	CHECK(getrusage(RUSAGE_SELF, &use) == 0);
#if !__has_feature(address_sanitizer)
	CHECK(use.ru_maxrss < 64 << 10);
#endif
	munmap(mock_mem.bytes, BIG);
	mock_mem.bytes = mmap(NULL, MEM_SIZE, PROT_READ, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	world_end();
}

/* ---- Paths (T21) ------------------------------------------------------ */

/*
 * The model: a tree of nodes in memory, and the rules as a walk over it,
 * written without a look at path.c.  Both are given the same operations.
 */
enum node_kind { N_FREE, N_FILE, N_DIR, N_LINK };
struct node {
	enum node_kind kind;
	int parent;			/* of a directory */
	char target[64];
	struct { char name[8]; int node; } in[12];
	int n;
};
static struct node nodes[2000];
static int nnodes;

static int
node_new(enum node_kind kind, int parent)
{
	CHECK(nnodes < 2000);
	nodes[nnodes] = (struct node){ .kind = kind, .parent = parent };
	return nnodes++;
}

static int
node_find(int dir, const char *name)
{
	for (int i = 0; i < nodes[dir].n; i++)
		if (!strcmp(nodes[dir].in[i].name, name))
			return nodes[dir].in[i].node;
	return -1;
}

static bool
node_link(int dir, const char *name, int node)
{
	struct node *d = &nodes[dir];

	if (d->n == 12)
		return false;
	snprintf(d->in[d->n].name, 8, "%s", name);
	d->in[d->n++].node = node;
	return true;
}

static void
node_unlink(int dir, const char *name)
{
	struct node *d = &nodes[dir];

	for (int i = 0; i < d->n; i++)
		if (!strcmp(d->in[i].name, name)) {
			d->in[i] = d->in[--d->n];
			return;
		}
}

/* The result of a model's walk: where the last name is, and what it is. */
struct found {
	int err, dir, node;		/* node: -1 for none */
	char name[8];			/* "" if the path ends in . or .. */
	bool slash;
	int links;
};

enum { NOFOLLOW, FOLLOW, CREATE };
static struct found
model_walk(int dir, const char *path, int follow, int links)
{
	struct found r = { .dir = dir, .node = dir, .links = links };
	const char *p = path;

	for (;;) {
		char name[64];
		size_t n = strcspn(p, "/");
		const char *next = p + n + strspn(p + n, "/");
		bool last = !*next;

		memcpy(name, p, n);
		name[n] = 0;
		r.slash = p[n] == '/';
		if (!strcmp(name, ".")) {
			r.node = dir;
			r.name[0] = 0;
		} else if (!strcmp(name, "..")) {
			if (dir == 0)
				return (struct found){ .err = WASI_NOTCAPABLE };
			r.node = dir = nodes[dir].parent;
			r.name[0] = 0;
		} else {
			if (follow == CREATE && last && r.slash)
				return (struct found){ .err = WASI_ISDIR };
			r.dir = dir;
			r.node = node_find(dir, name);
			snprintf(r.name, sizeof r.name, "%.7s", name);
		}
		if (r.node >= 0 && nodes[r.node].kind == N_LINK &&
		    (!last || follow || r.slash)) {
			char rest[512];

			if (++r.links > 40)
				return (struct found){ .err = WASI_LOOP };
			snprintf(rest, sizeof rest, "%s%s",
			    nodes[r.node].target, p + n);
			return model_walk(dir, rest, follow, r.links);
		}
		if (last)
			return r;
		if (r.node < 0)
			return (struct found){ .err = WASI_NOENT };
		if (nodes[r.node].kind != N_DIR)
			return (struct found){ .err = WASI_NOTDIR };
		dir = r.node;
		p = next;
	}
}

/* The last component itself: the parent walked, slashes cut. */
static struct found
model_name(const char *path)
{
	char cut[64];
	struct found r;
	size_t n = strlen(path);
	bool slash = false;

	snprintf(cut, sizeof cut, "%s", path);
	while (n > 1 && cut[n - 1] == '/') {
		cut[--n] = 0;
		slash = true;
	}
	r = model_walk(0, cut, NOFOLLOW, 0);
	r.slash = slash;
	return r;
}

static bool
node_dirp(int node)
{
	return node >= 0 && nodes[node].kind == N_DIR;
}

static int
model_mkdir(const char *path)
{
	struct found r = model_name(path);

	if (r.err)
		return r.err;
	if (r.node >= 0)
		return WASI_EXIST;
	return node_link(r.dir, r.name, node_new(N_DIR, r.dir)) ? 0 : -1;
}

static int
model_create(const char *path)
{
	struct found r = model_walk(0, path, CREATE, 0);

	if (r.err)
		return r.err;
	if (node_dirp(r.node))
		return WASI_ISDIR;
	if (r.node >= 0)
		return 0;
	return node_link(r.dir, r.name, node_new(N_FILE, r.dir)) ? 0 : -1;
}

static int
model_unlink(const char *path)
{
	struct found r = model_name(path);

	if (r.err)
		return r.err;
	if (r.node < 0)
		return WASI_NOENT;
	if (nodes[r.node].kind == N_DIR)
		return WASI_ISDIR;
	if (r.slash)
		return WASI_NOTDIR;
	node_unlink(r.dir, r.name);
	return 0;
}

static int
model_rmdir(const char *path)
{
	struct found r = model_name(path);
	size_t n = strlen(path);

	if (r.err)
		return r.err;
	if (!r.name[0]) {
		while (path[n - 1] == '/')
			n--;
		return n > 1 && path[n - 2] == '.' ? WASI_NOTEMPTY :
		    WASI_INVAL;
	}
	if (r.node < 0)
		return WASI_NOENT;
	if (nodes[r.node].kind != N_DIR)
		return WASI_NOTDIR;
	if (nodes[r.node].n)
		return WASI_NOTEMPTY;
	node_unlink(r.dir, r.name);
	return 0;
}

static int
model_symlink(const char *target, const char *path)
{
	struct found r = model_name(path);
	int node;

	if (r.err)
		return r.err;
	if (!r.name[0])
		return WASI_EXIST;
	if (r.slash)
		return r.node < 0 ? WASI_NOENT :
		    node_dirp(r.node) ? WASI_EXIST : WASI_NOTDIR;
	if (r.node >= 0)
		return WASI_EXIST;
	node = node_new(N_LINK, r.dir);
	snprintf(nodes[node].target, 64, "%s", target);
	return node_link(r.dir, r.name, node) ? 0 : -1;
}

static bool
inside(int node, int of)
{
	for (; node != 0; node = nodes[node].parent)
		if (node == of)
			return true;
	return of == 0;
}

static int
model_rename(const char *a, const char *b)
{
	struct found o = model_name(a), n = model_name(b);

	if (o.err)
		return o.err;
	if (n.err)
		return n.err;
	if (!o.name[0] || !n.name[0])
		return WASI_BUSY;
	if (o.node < 0)
		return WASI_NOENT;
	if ((o.slash || n.slash) && !node_dirp(o.node))
		return WASI_NOTDIR;
	if (o.node == n.node)
		return 0;
	if (node_dirp(o.node) && inside(n.dir, o.node))
		return WASI_INVAL;
	if (n.node >= 0 && node_dirp(n.node) && inside(o.dir, n.node))
		return WASI_NOTEMPTY;
	if (n.node >= 0 && node_dirp(o.node) != node_dirp(n.node))
		return node_dirp(o.node) ? WASI_NOTDIR : WASI_ISDIR;
	if (node_dirp(n.node) && nodes[n.node].n)
		return WASI_NOTEMPTY;
	if (n.node < 0 && nodes[n.dir].n == 12 && n.dir != o.dir)
		return -1;
	node_unlink(o.dir, o.name);
	node_unlink(n.dir, n.name);
	node_link(n.dir, n.name, o.node);
	nodes[o.node].parent = n.dir;
	return 0;
}

static int
model_stat(const char *path, bool follow, int *kind)
{
	struct found r = model_walk(0, path, follow, 0);

	if (r.err)
		return r.err;
	if (r.node < 0)
		return WASI_NOENT;
	if (r.slash && nodes[r.node].kind != N_DIR)
		return WASI_NOTDIR;
	*kind = nodes[r.node].kind == N_DIR ? WASI_FT_DIR :
	    nodes[r.node].kind == N_LINK ? WASI_FT_SYMLINK : WASI_FT_REGULAR;
	return 0;
}

static void
random_path(char *out)
{
	static const char *const parts[] = { "a", "b", "c", "a", "b", "c", ".",
					     "..", ".." };
	int n = 1 + (int)rnd(4);

	*out = 0;
	for (int i = 0; i < n; i++) {
		if (i)
			strcat(out, rnd(8) ? "/" : "//");
		strcat(out, parts[rnd(9)]);
	}
	if (rnd(5) == 0)
		strcat(out, "/");
}

static void
path_round(uint64_t r)
{
	static const char *const names[] = { "mkdir", "create", "unlink",
	    "rmdir", "symlink", "rename", "stat" };
	char a[64], b[64];
	int op = (int)rnd(7), want, got, kind = 0, follow = (int)rnd(2);

	random_path(a);
	random_path(b);
	switch (op) {
	case 0:
		want = model_mkdir(a);
		got = CALL(path_create_directory, RW, P1S(a));
		break;
	case 1:
		want = model_create(a);
		got = xtry(RW, a, WASI_O_CREAT, R_RW, 1);
		break;
	case 2:
		want = model_unlink(a);
		got = CALL(path_unlink_file, RW, P1S(a));
		break;
	case 3:
		want = model_rmdir(a);
		got = CALL(path_remove_directory, RW, P1S(a));
		break;
	case 4:
		want = model_symlink(a, b);
		got = CALL(path_symlink, P1S(a), RW, P2S(b));
		break;
	case 5:
		want = model_rename(a, b);
		got = CALL(path_rename, RW, P1S(a), RW, P2S(b));
		break;
	default:
		want = model_stat(a, follow, &kind);
		got = CALL(path_filestat_get, RW, follow, P1S(a), BUF);
		if (got == 0 && U8(BUF + 16) != kind)
			got = 1000 + U8(BUF + 16);
	}
	if (got != want)
		test_end('F', "round %llu: %s \"%s\" \"%s\" follow %d: %d, "
		    "not %d", (unsigned long long)r, names[op], a, b, follow,
		    got, want);
}

static void
paths(void)
{
	uint64_t rounds = setting("WASI_FUZZ_ROUNDS", 100000);
	struct canary before;

	fuzz_begin();
	for (uint64_t r = 0; r < rounds; r++) {
		if (r % 1000 == 0) {
			if (r) {
				canary_check(&before);
				world_end();
			}
			mock_nfns = 0;
			world_begin();
			canary_look(&before);
			nnodes = 0;
			node_new(N_DIR, 0);
		}
		path_round(r);
	}
	canary_check(&before);
	world_end();
}

TEST(model_paths)
{
	paths();
}

TEST(model_paths_walk)
{
	no_openat2 = true;
	paths();
}

TEST_MAIN
