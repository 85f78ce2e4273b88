/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* QuickJS: a script of n rounds with objects, closures, strings, sorting. */
#include <quickjs.h>

#include "text.h"

static const char script[] =
    "(function (rounds) {"
    "  class Point { constructor(x, y) { this.x = x; this.y = y; }"
    "    add(o) { return new Point(this.x + o.x | 0, this.y ^ o.y); } }"
    "  let sum = 0, seed = 1;"
    "  const random = () => (seed = Math.imul(seed, 1103515245) + 12345"
    "    & 0x7fffffff);"
    "  for (let r = 0; r < rounds; r++) {"
    "    let p = new Point(r, 1);"
    "    for (let i = 0; i < 1000; i++) p = p.add(new Point(i, i * 3));"
    "    const a = Array.from({ length: 300 }, random);"
    "    a.sort((x, y) => x - y);"
    "    const m = new Map();"
    "    for (const v of a) m.set(v % 97, (m.get(v % 97) || 0) + 1);"
    "    let s = '';"
    "    for (const [k, v] of m) s += k.toString(16) + ':' + v + ',';"
    "    const hits = s.replace(/([0-9a-f]+):(\\d)/g, '$2-$1').length;"
    "    const o = JSON.parse(JSON.stringify({ s, a: a.slice(0, 50) }));"
    "    const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2);"
    "    sum = (sum * 31 + p.x + p.y + hits + o.a.length + fib(14)) | 0;"
    "  }"
    "  return sum;"
    "})";

static uint64_t
kernel(unsigned long n)
{
	JSRuntime *rt = JS_NewRuntime();
	JSContext *ctx = JS_NewContext(rt);
	JSValue f = JS_Eval(ctx, script, strlen(script), "bench.js",
	    JS_EVAL_TYPE_GLOBAL);
	JSValue arg = JS_NewInt32(ctx, (int32_t)n);
	JSValue v = JS_Call(ctx, f, JS_UNDEFINED, 1, &arg);
	int32_t sum = 0;

	if (JS_IsException(v) || JS_ToInt32(ctx, &sum, v) != 0)
		return 0;
	JS_FreeValue(ctx, v);
	JS_FreeValue(ctx, f);
	JS_FreeContext(ctx);
	JS_FreeRuntime(rt);
	return (uint32_t)sum;
}

KERNEL(250, 5)
