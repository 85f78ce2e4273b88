/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* SQLite: n rows in memory, indexed, joined, sorted, changed. */
#include <sqlite3.h>

#include "text.h"

/* ---- A file system without files ----------------------------------------- */

static int
no_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	f->pMethods = NULL;
	return SQLITE_CANTOPEN;
}

static int
no_delete(sqlite3_vfs *v, const char *name, int sync)
{
	return SQLITE_OK;
}

static int
no_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
	*out = 0;
	return SQLITE_OK;
}

static int
full_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
	sqlite3_snprintf(n, out, "%s", name);
	return SQLITE_OK;
}

static int
randomness(sqlite3_vfs *v, int n, char *out)
{
	memset(out, 42, (size_t)n);
	return n;
}

static int
no_sleep(sqlite3_vfs *v, int us)
{
	return us;
}

static int
the_time(sqlite3_vfs *v, double *out)
{
	*out = 2460000.5;
	return SQLITE_OK;
}

int
sqlite3_os_init(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1, .szOsFile = sizeof(sqlite3_file),
		.mxPathname = 64, .zName = "none", .xOpen = no_open,
		.xDelete = no_delete, .xAccess = no_access,
		.xFullPathname = full_path, .xRandomness = randomness,
		.xSleep = no_sleep, .xCurrentTime = the_time,
	};

	return sqlite3_vfs_register(&vfs, 1);
}

int
sqlite3_os_end(void)
{
	return SQLITE_OK;
}

/* ---- Work ---------------------------------------------------------------- */

static uint64_t sum;

static int
row(void *p, int n, char **cells, char **names)
{
	for (int i = 0; i < n; i++)
		if (cells[i])
			sum = kernel_sum(sum, cells[i], strlen(cells[i]));
	return 0;
}

static const char sql[] =
    "create table t(a integer primary key, b text, c integer);"
    "with recursive n(i) as (select 1 union all select i + 1 from n"
    "  where i < %lu)"
    "insert into t select i, printf('row %%06d', i * 7919 %% 60000), i / 3"
    "  from n;"
    "create index x on t(b);"
    "select count(*), sum(a), max(c) from t where b > 'row 030000';"
    "select count(*) from t x join t y on x.b = y.b where x.a < 20000;"
    "select b, count(*) from t group by substr(b, 1, 7) order by 2, 1;"
    "update t set c = c * 2, b = b || 'x' where a %% 3 = 0;"
    "delete from t where a %% 5 = 0;"
    "select sum(length(b)), sum(c), group_concat(substr(b, 9)) from t"
    "  where b like '%%7_x';"
    "select b from t order by c %% 1000, b desc limit 100;";

static uint64_t
kernel(unsigned long n)
{
	char *text, *err = NULL;
	sqlite3 *db;

	text = sqlite3_mprintf(sql, n);
	if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
	    sqlite3_exec(db, text, row, NULL, &err) != SQLITE_OK) {
		fprintf(stderr, "sqlite: %s\n", err ? err : "not opened");
		return 0;
	}
	sqlite3_close(db);
	return sum;
}

KERNEL(150000, 5000)
