# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scripts of functions that have random parameters and results and call each
other in every way: usually, by tail calls, through tables and references, from
other modules, as continuations, out of exceptions.  Who is called looks at
every argument, who called at every result, so that no other engine is needed.

    script(number) -> the text of a .wast script
"""
import random


class Kind:
    """A type of values: the k-th of them, and whether one is another."""

    def __init__(self, name, const, differs):
        self.name = name
        self.const = const
        self.differs = differs


def number(name, const):
    return Kind(name, lambda n: f"({name}.const {const(n & 0xffff)})",
                lambda get, n: f"({name}.ne {get} ({name}.const "
                               f"{const(n & 0xffff)}))")


def held(name, const, get):
    """A reference by what it holds, an i32."""
    return Kind(name, lambda n: const.format(f"(i32.const {n & 0xffff})"),
                lambda v, n: f"(i32.ne {get.format(v)} "
                             f"(i32.const {n & 0xffff}))")


def vector(n):
    n &= 0xffff
    return f"(v128.const i64x2 {n} {3 * n + 1})"


NUMBERS = [
    number("i32", lambda n: n * 65537),
    number("i64", lambda n: n * 0x100010001),
    number("f32", lambda n: f"{n}.5"),
    number("f64", lambda n: f"{n}.25"),
    Kind("v128", vector, lambda get, n:
         f"(v128.any_true (v128.xor {get} {vector(n)}))")]
REFERENCES = [
    held("(ref null i31)", "(ref.i31 {})", "(i31.get_u {})"),
    held("externref", "(extern.convert_any (ref.i31 {}))",
         "(i31.get_u (ref.cast (ref i31) (any.convert_extern {})))"),
    held("(ref null $box)", "(struct.new $box {})", "(struct.get $box 0 {})")]


class Values:
    """A list of types with the values that are expected there."""

    def __init__(self, kinds, first):
        self.kinds = kinds
        self.first = first

    def consts(self):
        return [t.const(self.first + i) for i, t in enumerate(self.kinds)]

    def text(self):
        return " ".join(self.consts())

    def types(self, word):
        names = " ".join(t.name for t in self.kinds)
        return f"({word} {names})" if names else ""

    def behind(self, n):
        return Values(self.kinds[n:], self.first + n)

    def same(self, other):
        return self.kinds == other.kinds and self.first == other.first


def signature(params, results):
    return f"(func {params.types('param')} {results.types('result')})"


class Body:
    def __init__(self, params):
        self.params = params
        self.locals = []
        self.code = []

    def add(self, text):
        self.code.append(text)

    def local(self, name):
        self.locals.append(name)
        return len(self.params.kinds) + len(self.locals) - 1

    def check(self, at, kind, n):
        self.add(f"(if {kind.differs(f'(local.get {at})', n)} "
                 "(then (unreachable)))")

    def check_params(self):
        for i, t in enumerate(self.params.kinds):
            self.check(i, t, self.params.first + i)

    def check_stack(self, values):
        at = [self.local(t.name) for t in values.kinds]
        for i in reversed(at):
            self.add(f"(local.set {i})")
        for k, i in enumerate(at):
            self.check(i, values.kinds[k], values.first + k)

    def text(self, head):
        names = f"(local {' '.join(self.locals)})" if self.locals else ""
        return "\n".join([f"(func {head} {names}", *self.code, ")"])


class Callee:
    """A function as its callers see it; slot is its place in the table."""

    def __init__(self, params, results):
        self.params = params
        self.results = results
        self.module = self.name = self.ref = self.type = None
        self.slot = 0

    def seen(self, slot, prefix):
        c = Callee(self.params, self.results)
        c.module, c.name, c.slot = self.module, self.name, slot
        c.ref, c.type = f"${prefix}{slot}", f"$t{slot}"
        return c


class Module:
    def __init__(self, rnd, index, imports, with_conts, with_refs):
        self.rnd = rnd
        self.kinds = NUMBERS + (REFERENCES if with_refs else [])
        self.weights = [rnd.choice((1, 1, 4)) for _ in self.kinds]
        self.with_conts = with_conts
        self.tail = rnd.random() < .7
        self.types = ["(type $box (struct (field i32)))"] if with_refs else []
        self.funcs = []
        self.declared = []
        results = [self.values((0, 1, 1, 2, 3, 5, 9, 17)) for _ in range(3)]
        own = [Callee(self.values((0, 1, 3, 6, 8, 10, 14, 20, 33)),
                      rnd.choice(results)) for _ in range(rnd.randrange(5, 9))]
        for i, c in enumerate(own):
            c.module, c.name = f"m{index}", f"f{i}"
        self.imported = [c.seen(i, "i") for i, c in enumerate(imports)]
        self.own = [c.seen(len(imports) + i, "f") for i, c in enumerate(own)]
        self.tags = [self.values((0, 1, 2, 5, 12)) for _ in range(2)]
        self.asks = [(self.values((0, 1, 2, 6, 11)),
                      self.values((0, 1, 2, 6, 11))) for _ in range(2)] \
            if with_conts else []
        for i, c in enumerate(self.own):
            self.function(i, c)

    def values(self, lengths):
        return Values(self.rnd.choices(self.kinds, self.weights,
                                       k=self.rnd.choice(lengths)),
                      self.rnd.randrange(60000))

    def cont_type(self, params, results):
        n = len(self.types)
        self.types.append(f"(type $cf{n} {signature(params, results)}) "
                          f"(type $c{n} (cont $cf{n}))")
        return f"$c{n}", f"$cf{n}"

    # ---- What a function does with another ----

    def call(self, body, c):
        body.add(f"(call {c.ref} {c.params.text()})")

    def call_indirect(self, body, c):
        body.add(f"(call_indirect (type {c.type}) {c.params.text()} "
                 f"(i32.const {c.slot}))")

    def call_ref(self, body, c):
        body.add(f"(call_ref {c.type} {c.params.text()} (ref.func {c.ref}))")

    def resume(self, body, params, results, kont, type_):
        """Resume kont of a type, some of the arguments bound before."""
        n = self.rnd.randrange(len(params.kinds) + 1)
        args = params.consts()
        if n and self.rnd.random() < .5:
            bound, _ = self.cont_type(params.behind(n), results)
            kont = (f"(cont.bind {type_} {bound} {' '.join(args[:n])} "
                    f"{kont})")
            type_, args = bound, args[n:]
        body.add(f"(resume {type_} {' '.join(args)} {kont})")

    def begin(self, body, c):
        type_ = f"$k{c.slot}"
        self.resume(body, c.params, c.results,
                    f"(cont.new {type_} (ref.func {c.ref}))", type_)

    def suspend(self, body, c):
        """A function that asks something, gets an answer and calls c."""
        number_ = self.rnd.randrange(len(self.asks))
        ask, answer = self.asks[number_]
        params = self.values((0, 2, 9, 15))
        kont, func = self.cont_type(params, c.results)
        rest, _ = self.cont_type(answer, c.results)
        name = f"$g{len(self.funcs)}"
        asks = Body(params)
        asks.check_params()
        asks.add(f"(suspend $ask{number_} {ask.text()})")
        asks.check_stack(answer)
        asks.check_params()
        word = "return_call" if self.tail and self.rnd.random() < .6 else "call"
        asks.add(f"({word} {c.ref} {c.params.text()})")
        self.funcs.append(asks.text(f"{name} (type {func})"))
        self.declared.append(name)
        at = body.local(f"(ref null {rest})")
        body.add(f"(block $h (result {' '.join(t.name for t in ask.kinds)} "
                 f"(ref {rest})) (resume {kont} (on $ask{number_} $h) "
                 f"{params.text()} (cont.new {kont} (ref.func {name}))) "
                 f"(unreachable)) (local.set {at})")
        body.check_stack(ask)
        self.resume(body, answer, c.results, f"(local.get {at})", rest)

    def catch(self, body):
        n = self.rnd.randrange(len(self.tags))
        slot = len(self.imported) + len(self.own) + n
        args = self.tags[n].text()
        call = self.rnd.choice((
            f"(call $throw{n} {args})",
            f"(call_indirect (type $tag{n}) {args} (i32.const {slot}))"))
        body.add(f"(block $h {self.tags[n].types('result')} "
                 f"(try_table (catch $tag{n} $h) {call}) (unreachable))")
        body.check_stack(self.tags[n])

    def tail_call(self, body, c):
        args = c.params.text()
        body.add(self.rnd.choice((
            f"(return_call {c.ref} {args})",
            f"(return_call_indirect (type {c.type}) {args} "
            f"(i32.const {c.slot}))",
            f"(return_call_ref {c.type} {args} (ref.func {c.ref}))")))

    def function(self, i, me):
        body = Body(me.params)
        body.check_params()
        others = self.imported + self.own[i + 1:]
        ways = [self.call, self.call_indirect, self.call_ref]
        if self.with_conts:
            ways += [self.begin, self.suspend]
        for _ in range(self.rnd.choice((0, 1, 2, 2)) if others else 0):
            if self.rnd.random() < .2:
                self.catch(body)
                continue
            c = self.rnd.choice(others)
            self.rnd.choice(ways)(body, c)
            body.check_stack(c.results)
            body.check_params()
        ends = [c for c in others if self.tail and c.results.same(me.results)]
        if ends and self.rnd.random() < .8:
            self.tail_call(body, self.rnd.choice(ends))
        else:
            body.add(me.results.text())
        self.funcs.append(body.text(f"{me.ref} (type {me.type})"))

    # ---- The text ----

    def runs(self):
        for i, c in enumerate(self.own):
            body = Body(Values([], 0))
            self.call(body, c)
            body.check_stack(c.results)
            yield body.text(f'(export "run{i}")')

    def text(self):
        known = self.imported + self.own
        out = ["(module", *(t for t in self.types if "$box" in t[:12])]
        for c in known:
            out.append(f"(type {c.type} {signature(c.params, c.results)})")
            if self.with_conts:
                out.append(f"(type $k{c.slot} (cont {c.type}))")
        none = Values([], 0)
        for n, v in enumerate(self.tags):
            out.append(f"(type $tag{n} {signature(v, none)})")
        out += [t for t in self.types if "$box" not in t[:12]]
        for c in self.imported:
            out.append(f'(import "{c.module}" "{c.name}" '
                       f"(func {c.ref} (type {c.type})))")
        for n, v in enumerate(self.tags):
            out.append(f"(tag $tag{n} (type $tag{n}))")
            out.append(f"(func $throw{n} (type $tag{n}) (throw $tag{n} " +
                       " ".join(f"(local.get {i})"
                                for i in range(len(v.kinds))) + "))")
        for n, (ask, answer) in enumerate(self.asks):
            out.append(f"(tag $ask{n} {ask.types('param')} "
                       f"{answer.types('result')})")
        out.append("(table funcref (elem " + " ".join(
            [c.ref for c in known] +
            [f"$throw{n}" for n in range(len(self.tags))]) + "))")
        if self.declared:
            out.append(f"(elem declare func {' '.join(self.declared)})")
        out += self.funcs
        out += [f'(export "{c.name}" (func {c.ref}))' for c in self.own]
        return "\n".join([*out, *self.runs(), ")"])


def script(number_):
    rnd = random.Random(number_)
    conts, refs = rnd.random() < .5, rnd.random() < .5
    imports, out = [], []
    for index in range(3):
        m = Module(rnd, index, imports, conts, refs)
        out += [m.text(), f'(register "m{index}")']
        out += [f'(assert_return (invoke "run{i}"))'
                for i in range(len(m.own))]
        imports = (imports + rnd.sample(m.own, min(4, len(m.own))))[-6:]
    return "\n".join(out)
