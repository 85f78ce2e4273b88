# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What c_loops.py needs: random C functions with a loop or two, of the kinds
that programs have.  Each is

    int64_t NAME(a, b, c, n)

of three addresses, which the arrays begin at, whatever they are and however
they overlap, and a number.  What C leaves undefined does not matter: both
engines run the same wasm.  Floating point is of small whole numbers only, so
that there is no NaN.
"""
INTS = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"]
FLOATS = ["f32", "f64"]
HEAD = """
typedef unsigned char u8_; typedef signed char i8_;
typedef unsigned short u16_; typedef short i16_;
typedef unsigned u32_; typedef int i32_;
typedef unsigned long long u64_; typedef long long i64_;
#define T(n, t) typedef t n __attribute__((aligned(1), may_alias));
T(u8, u8_) T(i8, i8_) T(u16, u16_) T(i16, i16_) T(u32, u32_) T(i32, i32_)
T(u64, u64_) T(i64, i64_) T(f32, float) T(f64, double)
#define F(name) __attribute__((export_name(name), noinline)) i64_
"""


class Function:
    def __init__(self, rnd):
        self.rnd = rnd
        self.type = {x: rnd.choice(INTS) for x in "ABC"}
        if rnd.random() < 0.5:          # most loops have one type
            self.type = dict.fromkeys("ABC", rnd.choice(INTS))
        self.index = rnd.choice(("i32_", "u32_", "u32_", "i64_"))

    def place(self, i="i"):
        r = self.rnd
        return r.choice((i, i, i, i, i, i, f"{i} + 1", f"{i} - 1", f"2 * {i}",
                         f"3 * {i} + {r.randrange(3)}", f"n - 1 - {i}",
                         f"{i} + {r.randrange(40)}", "k", f"{i} ^ 1",
                         f"{i} * (n & 3)", f"{i} & 63"))

    def load(self, i="i"):
        return f"{self.rnd.choice('AAB')}[{self.place(i)}]"

    def leaf(self, i):
        r = self.rnd
        return r.choice((self.load(i), self.load(i), self.load(i), "n",
                         "(u32_)" + i, "k", str(r.randrange(300)),
                         hex(r.getrandbits(32))))

    def value(self, depth, i="i"):
        r = self.rnd
        if depth == 0 or r.random() < 0.15:
            return self.leaf(i)
        x, y = self.value(depth - 1, i), self.value(depth - 1, i)
        t = r.choice(INTS) + "_"
        return r.choice((
            f"({x} + {y})", f"({x} + {y})", f"({x} - {y})", f"({x} * {y})",
            f"({x} & {y})", f"({x} | {y})", f"({x} ^ {y})",
            f"({x} << {r.randrange(8)})", f"({x} >> {r.randrange(12)})",
            f"({x} < {y} ? {x} : {y})", f"(({t}){x} > ({t}){y} ? {x} : {y})",
            f"({x} == {y})", f"({x} <= {y})", f"(({t}){x})",
            f"(({t})({x} + {y}) >> 1)", f"(({t}){x} < 0 ? -{x} : {x})",
            f"({x} / (({y}) & 7 | 1))", f"(({t}){x} != 0)",
            f"(u32_)((f32_)(i16_){x} * 0.5f + (f32_)(i8_){y})"
            .replace("(u32_)((f32_", "(i32_)((float").replace("f32_", "float"),
            f"__builtin_popcountll({x})", f"__builtin_clz((u32_){x} | 1)",
            f"(i32_)((double)(i32_){x} * 0.25)"))

    def condition(self, i="i"):
        op = self.rnd.choice(("<", ">", "==", "!=", "<=", ">="))
        return f"{self.value(1, i)} {op} {self.value(1, i)}"

    def rounds(self, body, i="i"):
        """A loop around body, which has the variable i."""
        r = self.rnd
        t = self.index
        step = r.choice((1, 1, 1, 1, 1, 2, 3, 4))
        return r.choice((
            f"for ({t} {i} = 0; {i} < n; {i} += {step}) {{ {body} }}",
            f"for ({t} {i} = 0; {i} < n; {i}++) {{ {body} }}",
            f"for ({t} {i} = 0; {i} != n; {i}++) {{ {body} }}",
            f"for ({t} {i} = n; {i}-- > 0;) {{ {body} }}",
            f"for ({t} {i} = 1; {i} + 1 < n; {i}++) {{ {body} }}",
            f"if (n > 0) {{ {t} {i} = 0; do {{ {body} }} while (++{i} < n); }}",
            f"for ({t} {i} = n - 1; (i32_){i} >= 0; {i} -= {step}) "
            f"{{ {body} }}",
            f"{{ {t} {i} = 0; while ({i} < n) {{ {body} {i}++; }} }}"))

    # ---- Kinds of loops ----

    def map(self):
        return self.rounds(f"C[{self.place()}] = {self.value(3)};")

    def map_two(self):
        return self.rounds(f"C[{self.place()}] = {self.value(2)}; "
                           f"{self.rnd.choice('ABC')}[{self.place()}] = "
                           f"{self.value(2)};")

    def reduce(self):
        op = self.rnd.choice(("+=", "+=", "+=", "^=", "|=", "&=", "*=", "-="))
        return self.rounds(f"s {op} {self.value(2)};")

    def reduce_two(self):
        return self.rounds(f"s += {self.value(2)}; "
                           f"k {self.rnd.choice(('+=', '^=', '|='))} "
                           f"{self.load()};")

    def reduce_and_store(self):
        return self.rounds(f"s += {self.load()}; C[{self.place()}] = s;")

    def extremum(self):
        x = self.load()
        op = self.rnd.choice("<>")
        return self.rounds(f"if ({x} {op} (i64_)s) {{ s = {x}; k = i; }}")

    def masked(self):
        return self.rounds(f"if ({self.condition()}) C[{self.place()}] = "
                           f"{self.value(2)};")

    def counted(self):
        return self.rounds(f"s += {self.condition()};")

    def found(self):
        end = self.rnd.choice(("return i + s;", "break;", "{ s = i; break; }",
                               "return A[i] - (i64_)B[i];", "goto out;"))
        more = self.rnd.choice(("", "", f"s += {self.load()};",
                                f"C[i] = {self.load()};"))
        return self.rounds(f"if ({self.condition()}) {end} {more}")

    def compared(self):
        """memcmp, mismatch, find, and the like."""
        x, y = self.rnd.choice((("A[i]", "B[i]"), ("A[i]", "(u8_)k"),
                                ("A[i]", "B[n - 1 - i]"), ("A[i]", "0"),
                                ("A[i]", "A[0]"), ("A[n - 1 - i]", "B[i]")))
        op = self.rnd.choice(("!=", "!=", "=="))
        end = self.rnd.choice(("return i;", "return A[i] - (i64_)B[i];",
                               "{ s = i; break; }", "return 1;",
                               "return A[i] < B[i] ? -1 : 1;"))
        return self.rounds(f"if ({x} {op} {y}) {end}")

    def same(self):
        """How far two things are the same, by a condition of the loop."""
        end = self.rnd.choice(("&& i < n", "", "&& i != n"))
        x = self.rnd.choice(("A[i] == B[i]", "A[i]", "A[i] != (u8_)k",
                             "(A[i] & 0x80) == 0", "C[i] == A[i]"))
        return f"{{ {self.index} i = 0; while ({x} {end}) i++; s = i; }}"

    def histogram(self):
        more = self.rnd.choice(("++", " += k"))
        return self.rounds(f"C[{self.load()} & 63]{more};")

    def gathered(self):
        return self.rounds("C[i] = A[B[i] & 255];")

    def nested(self):
        r = self.rnd
        inner = r.choice((
            f"s += {self.load('j')} * C[i];",
            f"C[i * {r.choice((4, 8, 16))} + j] = {self.value(2, 'j')};",
            f"C[i] += {self.load('j')};", f"C[j] += {self.value(1, 'j')};"))
        m = r.choice(("n", "8", "16", "4", "(n & 31)"))
        return self.rounds("if (i > 40) break; "
                           f"for (u32_ j = 0; j < {m} && j < 100; j++) "
                           f"{{ {inner} }}")

    def unrolled(self):
        by = self.rnd.choice((2, 4, 8))
        lines = "".join(f"C[i + {k}] = {self.value(1, f'(i + {k})')};"
                        for k in range(by))
        return f"for (u32_ i = 0; i + {by - 1} < n; i += {by}) {{ {lines} }}"

    def struct(self):
        m = self.rnd.choice((2, 3, 4, 5))
        lines = "".join(f"C[{m} * i + {k}] = A[{m} * i + "
                        f"{self.rnd.randrange(m)}] + B[i];" for k in range(m))
        return self.rounds(lines)

    def pointers(self):
        by = self.rnd.choice((1, 1, 1, 2, -1))
        go = f"p += {by}; q += {self.rnd.choice((1, 1, by, 2))};"
        todo = self.rnd.choice(("*q = *p + k;", "*q ^= *p;", "s += *p * *q;",
                                "if (*p != *q) break;", "*q = *p;",
                                "s = (s ^ *p) * 0x01000193;",
                                "if (*p > *q) *q = *p;"))
        test = self.rnd.choice(("p != e", "p < e", "n-- != 0"))
        start = f"A + {by} * n" if abs(by) > 1 or by < 0 else "A + n"
        return f"{self.type['A']} *p = A, *e = {start}; " \
            f"{self.type['C']} *q = C; while ({test}) {{ {todo} {go} }}"

    def swapped(self):
        return self.rounds(f"{self.type['A']} t = A[i]; A[i] = C[n - 1 - i]; "
                           "C[n - 1 - i] = t;")

    def recurrence(self):
        return self.rounds(self.rnd.choice((
            f"C[i + 1] = C[i] + {self.load()};",
            f"C[i] = C[i + 1] ^ {self.load()};",
            f"C[i + 2] = C[i] + C[i + 1];",
            f"k = k * 31 + {self.load()}; C[i] = k >> 3;",
            f"s = s << 1 | ({self.condition()});")))

    def floats(self):
        t = self.rnd.choice(("float", "double"))
        f = {"float": "f32", "double": "f64"}[t]
        value = f"({t})(i16_){self.value(1)}"
        return self.rnd.choice((
            self.rounds(f"(({f} *)C)[i] = {value} * 2 + "
                        f"({t})(i8_){self.load()};"),
            f"{t} x = 0; " + self.rounds(f"x += {value};") +
            f" s += (i32_)(x * 0.125);",
            self.rounds(f"C[i] = (i32_)({value} * ({t})0.5 - ({t})k);")
            .replace("k)", "(i8_)k)")))

    KINDS = [map, map, map, map_two, reduce, reduce, reduce_two,
             reduce_and_store, extremum, masked, counted, found, compared,
             compared, same, same, histogram, gathered, nested, unrolled,
             struct, pointers, pointers, swapped, recurrence, floats]

    def text(self, name):
        kinds = [self.rnd.choice(self.KINDS) for _ in
                 range(self.rnd.choice((1, 1, 1, 1, 2)))]
        restrict = " __restrict" if self.rnd.random() < 0.2 else ""
        arrays = "".join(f"{self.type[x]} *{restrict} {x} = ({self.type[x]} *)"
                         f"{x.lower()};" for x in "ABC")
        n = self.rnd.choice(("u32_", "u32_", "i32_"))
        loops = " ".join("{ " + kind(self) + " }" for kind in kinds)
        return f'F("{name}") f_{name}(u32_ a, u32_ b, u32_ c, {n} n) ' \
            f"{{ {arrays} u64_ s = " \
            f"{self.rnd.choice(('0', '0', 'n', '~0ull'))}; " \
            f"{self.rnd.choice(('u32_', 'u8_', 'i64_'))} k = " \
            f"{self.rnd.choice(('n', '7', 'b', '*A'))}; {loops} " \
            "goto out; out: return s ^ (u64_)k << 40; }\n"


def source(rnd, count, end):
    """A file with functions 0 ... count - 1, reset and sum."""
    text = HEAD + f"""
F("reset") reset_(void) {{
	volatile u32_ m = 0x9e3779b1;
	for (u32_ i = 0; i < {end}; i += 4)
		*(volatile u32 *)i = i % 1024 < 512 ? (i + 4) * m :
		    (i >> 2) % 3 * 0x01010101;
	return 0;
}}
F("sum") sum_(void) {{
	u64_ x = 0;
	for (u32_ i = 0; i < {end}; i += 8)
		x = (x ^ *(volatile u64 *)i) * 0x100000001b3;
	return x;
}}
"""
    for k in range(count):
        text += Function(rnd).text(str(k))
    return text
