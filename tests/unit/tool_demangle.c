/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * tool_demangle.c: names of functions as they stand in the source.
 */
#include "demangle.h"
#include "test.h"

static const struct name {
	const char *name, *text;	/* NULL: as it is */
} names[] = {
	/* Rust, the older form */
	{ "_ZN1t4main17hc89f1824c9b61e1dE", "t::main" },
	{ "_ZN1t5apply17h01e246adb68b16afE", "t::apply" },
	{ "_ZN43_$LT$t..Sq$LT$T$GT$$u20$as$u20$t..Shape$GT$4area"
	  "17hd862a32d9ee83128E", "<t::Sq<T> as t::Shape>::area" },
	{ "_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$"
	  "17h6320b281ce42aeaeE.llvm.1234", "std::rt::lang_start::{{closure}}" },
	{ "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$"
	  "17h0123456789abcdefE", "core::ptr::drop_in_place<alloc::string::String>" },
	{ "_ZN1a3$C$17h0123456789abcdefE", "a::," },
	/* ... the newer */
	{ "_RNvNtCset5xJoy1xWQ_3std9panicking15panic_with_hook",
	  "std::panicking::panic_with_hook" },
	{ "_RNCNvNtCset5xJoy1xWQ_3std9panicking13panic_handler0B5_",
	  "std::panicking::panic_handler::{closure#0}" },
	{ "_RINvNtNtCset5xJoy1xWQ_3std3sys9backtrace26___rust_end_short_"
	  "backtraceNCNvNtB6_9panicking13panic_handler0zEB6_",
	  "std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::"
	  "panic_handler::{closure#0}, !>" },
	{ "_RNvMs3_NtCslNYArtu3iFV_5alloc7raw_vecINtB5_6RawVecNtNtNtCsdadwybg"
	  "sbvk_12rustc_middle3hir5place10ProjectionE8grow_oneCsjargyg6XnQl_"
	  "16rustc_hir_typeck", "<alloc::raw_vec::RawVec<rustc_middle::hir::"
	  "place::Projection>>::grow_one" },
	{ "_RNvXCs_1aNtB2_1SNtB2_1T1f", "<a::S as a::T>::f" },
	{ "_RINvC1a1fKj3_Kb1_Kan5_E", "a::f::<3, true, -5>" },
	{ "_RINvC1a1fRhQmPlOdAtj10_SeTEThETjbEE", "a::f::<&u8, &mut u32, "
	  "*const i32, *mut f64, [u16; 16], [str], (), (u8,), (usize, bool)>" },
	{ "_RINvC1a1fFUKCjEuFG_RL0_hEhE", "a::f::<unsafe extern \"C\" fn("
	  "usize), for<'a> fn(&'a u8) -> u8>" },
	{ "_RINvC1a1fDINtB2_1FjEp3OutmEL_DNtB2_1GEL_E",
	  "a::f::<dyn a::F<usize, Out = u32>, dyn a::G>" },
	{ "_RNvC1a1f.llvm.99", "a::f" },
	/* C++ */
	{ "_ZNK3geo3BoxIdE2atEiRKd", "geo::Box<double>::at(int, double const&) "
	  "const" },
	{ "_ZN1a1bEv", "a::b()" },
	/* none */
	{ "", NULL }, { "_", NULL }, { "main", NULL }, { "_R", NULL },
	{ "_Z", NULL }, { "_ZN", NULL }, { "_ZN1a", NULL }, { "_RNvC1a", NULL },
	{ "_ZN99a17h0123456789abcdefE", NULL }, { "_RB_", NULL },
	{ "_RNvB_1a", NULL }, { "_RNvC99999999999999999999a1f", NULL },
	{ "_RNvC1a1f!", NULL }, { "_RINvC1a1fKc", NULL },
	{ "_Rust_function", NULL }, { "a::b()", NULL },
};

static const char *
of(const char *name, char *buf, size_t size)
{
	const char *s = demangle(name, buf, size);

	if (s != name && s != buf)
		test_end('F', "%s: neither", name);
	return s;
}

TEST(names)
{
	char buf[300];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *want = names[i].text, *s;

		if (!want)
			want = names[i].name;
		s = of(names[i].name, buf, sizeof buf);
		if (strcmp(s, want) != 0)
			test_end('F', "%s: \"%s\", not \"%s\"", names[i].name,
			    s, want);
	}
}

/* What does not fit is as it was. */
TEST(sizes)
{
	char buf[300];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *name = names[i].name, *text = names[i].text;
		size_t n = text ? strlen(text) : 0;

		for (size_t size = 0; text && size <= n; size++)
			if (of(name, buf, size) != name)
				test_end('F', "%s in %zu bytes", name, size);
		if (text && of(name, buf, n + 1) != buf)
			test_end('F', "%s does not fit", name);
	}
}

/* Cut off anywhere, and each byte another one. */
TEST(damaged)
{
	static const char bytes[] = "_0zsuBIENCMXYDFGKLTpASRQ9\x80$";
	char copy[300], buf[300];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i].name);

		for (size_t k = 0; k < n; k++) {
			snprintf(copy, sizeof copy, "%.*s", (int)k,
			    names[i].name);
			of(copy, buf, sizeof buf);
			for (size_t b = 0; b < sizeof bytes - 1; b++) {
				strcpy(copy, names[i].name);
				copy[k] = bytes[b];
				of(copy, buf, sizeof buf);
			}
		}
	}
}

/* Deep, and as large as it can become by saying "as before". */
TEST(bombs)
{
	char name[4096] = "_RINvC1a1f", buf[1024];
	size_t n = strlen(name);

	memset(name + n, 'R', sizeof name - n - 1);
	CHECK(of(name, buf, sizeof buf) == name);
	strcpy(name, "_RINvC1a1fTTTTTTTTjjjjEBe_Be_Be_Be_EBd_Bd_Bd_Bd_EBc_Bc_Bc_"
	    "Bc_EBb_Bb_Bb_Bb_EBa_Ba_Ba_Ba_EB9_B9_B9_B9_EB8_B8_B8_B8_EEE");
	CHECK(of(name, buf, sizeof buf) == name);
}

TEST_MAIN
