/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Files and directories through the C library. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOW(expr) show(#expr, (long)(expr))

static void
show(const char *what, long rc)
{
	if (rc < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %ld\n", what, rc);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char *names[200];
	size_t n = 0;

	if (!d) {
		printf("list %s: %s\n", path, strerror(errno));
		return;
	}
	while (n < 200 && (e = readdir(d)))
		names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof *names, by_name);
	printf("list %s:", path);
	for (size_t i = 0; i < n; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void
streams(void)
{
	char line[100];
	FILE *f = fopen("/t/a", "w+");

	if (!f) {
		printf("cannot write: %s\n", strerror(errno));
		exit(5);
	}
	fprintf(f, "line %d\nline %d\n", 1, 2);
	rewind(f);
	while (fgets(line, sizeof line, f))
		printf("read %s", line);
	fseek(f, -3, SEEK_END);
	printf("at %ld\n", ftell(f));
	fputs("X", f);
	fclose(f);
	f = fopen("/t/a", "a");
	fputs("more\n", f);
	fclose(f);
	f = fopen("/t/a", "r");
	printf("%zu bytes\n", fread(line, 1, sizeof line, f));
	fclose(f);
	printf("%.19s", line);
	printf("missing: %s\n", fopen("/t/none", "r") ? "?" : strerror(errno));
}

static void
names(void)
{
	struct stat st;
	char buf[50] = { 0 };

	SHOW(mkdir("/t/d", 0777));
	SHOW(mkdir("/t/d", 0777));
	SHOW(mkdir("/t/d/e", 0777));
	SHOW(rmdir("/t/d"));
	SHOW(rename("/t/a", "/t/d/b"));
	SHOW(stat("/t/a", &st));
	SHOW(stat("/t/d/b", &st));
	printf("size %lld regular %d\n", (long long)st.st_size,
	    S_ISREG(st.st_mode));
	SHOW(symlink("d/b", "/t/l"));
	SHOW(readlink("/t/l", buf, sizeof buf));
	printf("link to %s\n", buf);
	SHOW(lstat("/t/l", &st));
	printf("link %d\n", S_ISLNK(st.st_mode));
	SHOW(stat("/t/l", &st));
	printf("regular %d\n", S_ISREG(st.st_mode));
	SHOW(link("/t/d/b", "/t/h"));
	SHOW(stat("/t/h", &st));
	printf("links %d\n", (int)st.st_nlink);
	SHOW(truncate("/t/h", 4));
	SHOW(stat("/t/d/b", &st));
	printf("size %lld\n", (long long)st.st_size);
	list("/t");
	list("/t/d");
	list("/t/none");
	SHOW(unlink("/t/d"));
	SHOW(unlink("/t/h"));
	SHOW(unlink("/t/l"));
	SHOW(unlink("/t/d/b"));
	SHOW(rmdir("/t/d/e"));
	SHOW(rmdir("/t/d"));
	list("/t");
}

static void
many(void)
{
	char name[30];
	DIR *d;
	int n = 0;

	mkdir("/t/many", 0777);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "/t/many/%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0666));
	}
	d = opendir("/t/many");
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.') {
			snprintf(name, sizeof name, "/t/many/%.10s",
			    e->d_name);
			n += unlink(name) == 0;
		}
	rewinddir(d);
	printf("removed %d\n", n);
	n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	printf("left %d\n", n);
	SHOW(rmdir("/t/many"));
}

static void
outside(void)
{
	SHOW(open("/etc/passwd", O_RDONLY) >= 0 ? 0 : -1);
	SHOW(open("/t/../etc/passwd", O_RDONLY) >= 0 ? 0 : -1);
	SHOW(open("/t/x", O_RDONLY | O_DIRECTORY) >= 0 ? 0 : -1);
	printf("tty %d\n", isatty(0));
}

int
main(void)
{
	streams();
	names();
	many();
	outside();
	return 3;
}
