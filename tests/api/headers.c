/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * headers.c: the public headers compile alone, in C and in C++, and the values
 * that cross them have the same size in both (bug class 20).
 */
#include <stddef.h>

#include "wasmrt_wasi.h"
#include "wasmc.h"
#include "test.h"

static int
compile(const char *cc, const char *lang, const char *text)
{
	char cmd[600], path[] = "build/api-headers-XXXXXX";
	int fd = mkstemp(path), status;

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	snprintf(cmd, sizeof cmd, "%s -x %s -Wall -Wextra -Werror -pedantic "
	    "-Wno-gnu-zero-variadic-macro-arguments -Iinclude -fsyntax-only "
	    "%s", cc, lang, path);
	status = system(cmd);
	unlink(path);
	return status;
}

static const char checks[] =
	"#include \"wasmrt.h\"\n"
	"#include \"wasmrt_wasi.h\"\n"
	"#include \"wasmc.h\"\n"
	"#ifdef __cplusplus\n"
	"#define _Static_assert static_assert\n"
	"#define _Alignof alignof\n"
	"#endif\n"
	"_Static_assert(sizeof(wrt_val) == 16, \"value\");\n"
	"_Static_assert(_Alignof(wrt_val) == 16, \"value\");\n"
	"_Static_assert(sizeof(struct wrt_functype) == 24, \"type\");\n"
	"_Static_assert(sizeof(struct wrt_limits) == 24, \"limits\");\n"
	"_Static_assert(sizeof(struct wrt_error) == 512, \"error\");\n"
	"_Static_assert(sizeof(struct wrt_frame) == 48, \"frame\");\n"
	"int (*f)(wrt_instance *, const char *, const wrt_val *, size_t,\n"
	"    wrt_val *) = wrt_instance_call;\n";

TEST(as_c)
{
	CHECK_EQ(compile("clang-22", "c -std=gnu11", checks), 0);
}

TEST(as_cxx)
{
	CHECK_EQ(compile("clang-22", "c++ -std=c++17", checks), 0);
}

TEST(each_alone)
{
	static const char *const h[] = {
		"#include \"wasmrt.h\"\nint x;\n",
		"#include \"wasmrt_wasi.h\"\nint x;\n",
		"#include \"wasmc.h\"\nint x;\n",
		"#include \"wasmrt_bitcode.h\"\nint x;\n",
	};

	for (size_t k = 0; k < 4; k++) {
		CHECK_EQ(compile("clang-22", "c -std=gnu11", h[k]), 0);
		CHECK_EQ(compile("clang-22", "c++ -std=c++17", h[k]), 0);
	}
}

TEST_MAIN
