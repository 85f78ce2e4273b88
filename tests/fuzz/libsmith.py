# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What smith.py needs: modules of wasm-smith, and what is added to their text
so that all they do can be seen as numbers.

    swarm(rnd)          the settings of one module
    with_probes(text)   (text, functions, state): the same module with exports
                        that call each function and that say what its state is
"""
import re

FUEL = 300              # calls and rounds of loops, for each call from outside
PLAIN = ("i32", "i64", "f32", "f64", "v128")
NULLABLE = {"funcref": "func", "externref": "extern", "anyref": "any",
            "eqref": "eq", "i31ref": "i31", "structref": "struct",
            "arrayref": "array", "exnref": "exn", "nullref": "none",
            "nullfuncref": "nofunc", "nullexternref": "noextern",
            "nullexnref": "noexn"}
KINDS = ("numeric", "vector", "reference", "parametric", "variable", "table",
         "memory", "control", "aggregate")


def swarm(rnd):
    """What differs from module to module: each has some of all features."""
    def some(p):
        return "true" if rnd.random() < p else "false"

    kinds = [k for k in KINDS if rnd.random() < 0.85 or k == "numeric"]
    options = {
        "max-imports": 0, "export-everything": "true", "fuel": FUEL,
        "canonicalize-nans": "true", "min-types": 3, "max-types":
        rnd.choice((3, 8, 20)), "min-funcs": rnd.choice((2, 5)),
        "max-funcs": rnd.choice((3, 8, 16)),
        "max-instructions": rnd.choice((30, 100, 300, 1000)),
        "max-memories": rnd.choice((1, 1, 1, 3)), "max-tables":
        rnd.choice((1, 4)), "min-memories": rnd.choice((0, 1)),
        "max-globals": 10, "max-data-segments": 4,
        "max-element-segments": 6, "max-elements": 10, "max-tags": 5,
        "memory-max-size-required": "true", "table-max-size-required": "true",
        "max-memory32-bytes": 1 << 18, "max-memory64-bytes": 1 << 18,
        "max-table-elements": 40, "max-type-size": rnd.choice((50, 500)),
        "memory-offset-choices": rnd.choice(("90,9,1", "99,1,0")),
        "allow-start-export": some(0.2), "disallow-traps": some(0.6),
        "gc-enabled": some(0.5), "exceptions-enabled": some(0.5),
        "tail-call-enabled": some(0.5), "memory64-enabled": some(0.3),
        "simd-enabled": some(0.6), "wide-arithmetic-enabled": some(0.4),
        "threads-enabled": some(0.2), "extended-const-enabled": some(0.6),
        "custom-page-sizes-enabled": some(0.2), "allow-floats": some(0.8),
        "bulk-memory-enabled": some(0.7), "multi-value-enabled": some(0.8),
        "relaxed-simd-enabled": "false",
        "custom-descriptors-enabled": "false",
        "compact-imports-enabled": "false",
        "shared-everything-threads-enabled": "false",
        "generate-custom-sections": "false",
        "limit-arrays-in-const-exprs": "true",
        "allowed-instructions": ",".join(kinds),
    }
    if options["gc-enabled"] == "true" or options["exceptions-enabled"] == \
            "true" or options["tail-call-enabled"] == "true":
        options["reference-types-enabled"] = "true"
    size = rnd.choice((1000, 4000, 16000, 40000))
    return size, [f"--{k}={v}" for k, v in options.items()]


# ---- Reading the text -------------------------------------------------------

def types_of(words):
    """i32 (ref null 3) ...: one type each."""
    return re.findall(r"\((?:[^()]|\([^()]*\))*\)|[^\s()]+", words)


def parts(line, keyword):
    """The types in all (KEYWORD ...) of a line."""
    found = []
    for m in re.finditer(r"\(" + keyword + r" ((?:[^()]|\((?:[^()]|"
                         r"\([^()]*\))*\))*)\)", line):
        found += types_of(m[1])
    return found


def heads(text, what):
    """(index, rest of the line) of the module's functions, globals ..."""
    pattern = r"^  \(" + what + r" \(;(\d+);\) ?(.*)$"
    return [(int(n), rest) for n, rest in re.findall(pattern, text, re.M)]


# ---- Adding to it -----------------------------------------------------------

def null_of(ty):
    """(ref.null ...) if that is a value of the type."""
    if ty in NULLABLE:
        return f"(ref.null {NULLABLE[ty]})"
    m = re.fullmatch(r"\(ref null (\S+)\)", ty)
    return f"(ref.null {m[1]})" if m else None


def canonical(ty, value):
    """Of a float its bits, with one NaN only; of a vector its two halves."""
    if ty in ("f32", "f64"):
        i, nan = ("i32", 0x7fc00000) if ty == "f32" else ("i64", 0x7ff8 << 48)
        return [f"(select ({i}.reinterpret_{ty} {value}) ({i}.const {nan}) "
                f"({ty}.eq {value} {value}))"]
    if ty == "v128":
        return [f"(i64x2.extract_lane {k} {value})" for k in (0, 1)]
    return [value] if ty in PLAIN else [f"(ref.is_null {value})"]


def kind(ty):
    """The kinds of what canonical() gives."""
    return {"f32": ["i32"], "f64": ["i64"], "v128": ["i64", "i64"]}.get(
        ty, [ty] if ty in PLAIN else ["i32"])


def call_probe(k, params, results, fuel):
    """An export that gives function k its fuel and calls it; vectors come as
    halves, references are null.  None if it wants another one."""
    given, args = [], []
    for ty in params:
        if ty == "v128":
            args.append(f"(i64x2.replace_lane 1 (i64x2.splat (local.get "
                        f"{len(given)})) (local.get {len(given) + 1}))")
            given += ["i64", "i64"]
        elif ty in PLAIN:
            args.append(f"(local.get {len(given)})")
            given.append(ty)
        elif null_of(ty):
            args.append(null_of(ty))
        else:
            return None
    shown = [t for t in results if t in PLAIN or null_of(t)]
    if len(shown) != len(results):
        return None
    first = len(given)
    text = f'(func (export "call {k}") ' + \
        "".join(f"(param {t}) " for t in given) + \
        "".join(f"(result {x}) " for t in results for x in kind(t)) + \
        "".join(f"(local {t}) " for t in results) + \
        f"(global.set {fuel} (i32.const {FUEL})) (call {k} {' '.join(args)}) "
    for j in reversed(range(len(results))):
        text += f"(local.set {first + j}) "
    for j, ty in enumerate(results):
        text += " ".join(canonical(ty, f"(local.get {first + j})")) + " "
    return text + ")", given


def memory_probe(k, rest):
    """An export that sums up memory k."""
    a = "i64" if re.match(r"i64\b", rest) else "i32"
    page = re.search(r"\(pagesize (\S+)\)", rest)
    log = {"1": 0, "0x1": 0}.get(page[1], 16) if page else 16
    size = f"({a}.shl (memory.size {k}) ({a}.const {log}))"
    return f"""(func (export "memory {k}") (result {a} i64) (local $p {a})
      (local $x i64)
      (block $o (loop $l
        (br_if $o ({a}.ge_u (local.get $p) {size}))
        (local.set $x (i64.add (i64.rotl (i64.mul (local.get $x)
          (i64.const 0x100000001b3)) (i64.const 7))
          (i64.load8_u {k} (local.get $p))))
        (local.set $p ({a}.add (local.get $p) ({a}.const 1)))
        (br $l))) (memory.size {k}) (local.get $x))"""


def table_probe(k, rest):
    """An export that says how large table k is, and which entries are set."""
    a = "i64" if re.match(r"i64\b", rest) else "i32"
    return f"""(func (export "table {k}") (result {a} i64) (local $p {a})
      (local $x i64)
      (block $o (loop $l
        (br_if $o ({a}.ge_u (local.get $p) (table.size {k})))
        (local.set $x (i64.add (i64.rotl (i64.mul (local.get $x)
          (i64.const 0x100000001b3)) (i64.const 7))
          (i64.extend_i32_u (ref.is_null (table.get {k} (local.get $p))))))
        (local.set $p ({a}.add (local.get $p) ({a}.const 1)))
        (br $l))) (table.size {k}) (local.get $x))"""


def global_probe(k, rest):
    m = re.match(r"\(mut (\([^()]*\)|\S+?)\)|(\([^()]*\)|\S+)", rest)
    ty = m[1] or m[2]
    if ty not in PLAIN and not null_of(ty):
        return None
    return f'(func (export "global {k}") ' + \
        "".join(f"(result {x})" for x in kind(ty)) + " " + \
        " ".join(canonical(ty, f"(global.get {k})")) + ")"


def with_probes(text):
    globs = heads(text, "global")
    if not globs:
        return None
    fuel = globs[-1][0]
    added, functions, state = [], [], []
    for k, rest in heads(text, "func"):
        probe = call_probe(k, parts(rest, "param"), parts(rest, "result"),
                           fuel)
        if probe:
            added.append(probe[0])
            functions.append((f"call {k}", probe[1]))
    for what, make in (("memory", memory_probe), ("table", table_probe),
                       ("global", global_probe)):
        for k, rest in heads(text, what):
            probe = make(k, rest)
            if probe:
                added.append(probe)
                state.append(f"{what} {k}")
    end = text.rstrip().rindex(")")
    return text[:end] + "\n".join(added) + ")\n", functions, state
