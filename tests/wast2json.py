#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turn a .wast script into JSON commands and binary modules.

    wast2json.py FILE.wast OUTDIR

writes OUTDIR/FILE.json and OUTDIR/FILE.N.wasm in the form that the converted
WebAssembly test suite has and `spectest` reads.  The subset of the script
language that our own tests use: module (text, binary, quote, definition,
instance), register, invoke, get, assert_return, assert_trap,
assert_exhaustion, assert_exception, assert_suspension, assert_invalid, assert_malformed,
assert_unlinkable.  Beyond the standard, and expanded here:

    (repeat $i FROM TO STEP ...)   the commands once per value of $i, where the
                                   text {i} stands for it, {4+(1<<i)} for a sum

Modules are assembled by the wasmtime package's wat2wasm.
"""
import json
import os
import re
import struct
import sys

import wasmtime

TOKEN = re.compile(
    r'\s+|;;[^\n]*|(?P<open>\()|(?P<close>\))|(?P<str>"(?:[^"\\]|\\.)*")'
    r'|(?P<atom>[^\s()";]+)', re.S)


class Node(list):
    """A parenthesised expression; text is its source."""
    text = ''
    line = 0


def strip_block_comments(src):
    out, depth, i, in_str = [], 0, 0, False
    while i < len(src):
        two = src[i:i + 2]
        if not depth and src[i] == '"' and src[i - 1:i] != '\\':
            in_str = not in_str
        if not in_str and two == ';;' and not depth:
            end = src.find('\n', i)
            end = len(src) if end < 0 else end
            out.append(src[i:end])
            i = end
        elif not in_str and two == '(;':
            depth += 1
            i += 2
        elif not in_str and depth and two == ';)':
            depth -= 1
            i += 2
        else:
            out.append(src[i] if not depth or src[i] == '\n' else ' ')
            i += 1
    return ''.join(out)


def parse(src):
    stack, top, pos, line = [], Node(), 0, 1
    cur = top
    while pos < len(src):
        m = TOKEN.match(src, pos)
        if not m:
            sys.exit('line %d: unexpected %r' % (line, src[pos:pos + 20]))
        if m['open']:
            node = Node()
            node.line, node.start = line, pos
            cur.append(node)
            stack.append(cur)
            cur = node
        elif m['close']:
            cur.text = src[cur.start:m.end()]
            cur = stack.pop()
        elif m['str'] or m['atom']:
            cur.append(m[0])
        line += m[0].count('\n')
        pos = m.end()
    if stack:
        sys.exit('line %d: missing )' % line)
    return top


def substitute(body, name, v):
    """Put v for name inside {...}; what then has no names is evaluated."""
    def one(m):
        expr = re.sub(r'\b%s\b' % name, str(v), m[1])
        if re.fullmatch(r'[-+*()<> 0-9a-fx]+', expr):
            return str(eval(expr))
        return '{' + expr + '}'
    return re.sub(r'\{([^{}]*)\}', one, body)


def expand(src):
    """Write out (repeat ...) until none is left."""
    while True:
        m = re.search(r'\(repeat \$(\w+) (\S+) (\S+) (\S+)', src)
        if not m:
            return src
        depth, i = 0, m.start()
        in_str = False
        while True:
            c = src[i]
            if c == '"' and src[i - 1] != '\\':
                in_str = not in_str
            if not in_str:
                depth += (c == '(') - (c == ')')
            i += 1
            if not depth:
                break
        body = src[m.end():i - 1]
        name, lo, hi, step = m[1], *(int(x, 0) for x in m.groups()[1:])
        out = [substitute(body, name, v) for v in range(lo, hi, step)]
        src = src[:m.start()] + ''.join(out) + src[i:]


def string(tok):
    raw = bytearray()
    s, i = tok[1:-1], 0
    simple = {'n': 10, 't': 9, 'r': 13, '"': 34, "'": 39, '\\': 92}
    while i < len(s):
        if s[i] != '\\':
            raw += s[i].encode()
            i += 1
        elif s[i + 1] in simple:
            raw.append(simple[s[i + 1]])
            i += 2
        elif s[i + 1] == 'u':
            end = s.index('}', i)
            raw += chr(int(s[i + 3:end], 16)).encode()
            i = end + 1
        else:
            raw.append(int(s[i + 1:i + 3], 16))
            i += 3
    return bytes(raw)


def integer(tok, bits):
    v = int(tok.replace('_', ''), 0)
    v &= (1 << bits) - 1
    return v - (1 << bits) if v >> (bits - 1) else v


def float_bits(tok, bits):
    tok = tok.replace('_', '')
    if tok in ('nan:canonical', 'nan:arithmetic'):
        return tok
    sign = tok.startswith('-')
    body = tok.lstrip('+-')
    exp, man = (8, 23) if bits == 32 else (11, 52)
    if body.startswith('nan'):
        pay = int(body[4:], 0) if ':' in body else 1 << (man - 1)
        v = ((1 << exp) - 1) << man | pay
    else:
        if body == 'inf':
            f = float('inf')
        elif body.startswith('0x'):
            f = float.fromhex(body)
        else:
            f = float(body)
        fmt = '<f' if bits == 32 else '<d'
        v = int.from_bytes(struct.pack(fmt, f), 'little')
    return str(v | sign << (bits - 1))


def value(n):
    kind = n[0]
    if kind in ('i32.const', 'i64.const'):
        return {'type': kind[:3], 'value': str(integer(n[1], int(kind[1:3])))}
    if kind in ('f32.const', 'f64.const'):
        return {'type': kind[:3], 'value': float_bits(n[1], int(kind[1:3]))}
    if kind == 'v128.const':
        lane = n[1].split('x')[0]
        bits = int(lane[1:])
        vals = [str(integer(t, bits)) if lane[0] == 'i' else
                float_bits(t, bits) for t in n[2:]]
        return {'type': 'v128', 'lane_type': lane, 'value': vals}
    if kind == 'ref.null':
        heap = n[1] if len(n) > 1 else ''
        table = {'func': 'funcref', 'extern': 'externref', 'exn': 'exnref',
                 'any': 'anyref', 'cont': 'contref'}
        if heap in table:
            return {'type': table[heap], 'value': 'null'}
        return {'type': 'refnull'}
    if kind == 'ref.extern':
        return {'type': 'externref', **({'value': n[1]} if n[1:] else {})}
    if kind == 'ref.host':
        return {'type': 'anyref', 'value': n[1]}
    if kind == 'either':
        return {'type': 'either', 'values': [value(v) for v in n[1:]]}
    return {'type': kind[4:] + 'ref'}


class Writer:
    def __init__(self, base, outdir):
        self.base, self.outdir, self.n = base, outdir, 0

    def triple(self, node):
        """filename, module_type and binary_filename of a module node."""
        words = [w for w in node if isinstance(w, str)]
        rest = node[1:]
        while rest and isinstance(rest[0], str) and (
                rest[0].startswith('$') or rest[0] == 'definition'):
            rest = rest[1:]
        name = '%s.%d' % (self.base, self.n)
        self.n += 1
        path = os.path.join(self.outdir, name)
        if 'quote' in words:
            with open(path + '.wat', 'wb') as f:
                f.write(b' '.join(string(t) for t in rest[1:]))
            return {'filename': name + '.wat', 'module_type': 'text'}
        if 'binary' in words:
            wasm = b''.join(string(t) for t in rest[1:])
        else:
            text = re.sub(r'^\(module\s+definition', '(module', node.text)
            wasm = wasmtime.wat2wasm(text)
        with open(path + '.wasm', 'wb') as f:
            f.write(wasm)
        return {'filename': name + '.wasm', 'module_type': 'binary'}

    @staticmethod
    def ids(node):
        return [w[1:] for w in node[1:]
                if isinstance(w, str) and w.startswith('$')]

    def action(self, node):
        a = {'type': node[0]}
        rest = node[1:]
        if isinstance(rest[0], str) and rest[0].startswith('$'):
            a['module'] = rest[0][1:]
            rest = rest[1:]
        a['field'] = string(rest[0]).decode()
        if node[0] == 'invoke':
            a['args'] = [value(v) for v in rest[1:]]
        return a

    def command(self, node):
        kind, line = node[0], {'line': node.line}
        if kind == 'module':
            ids = self.ids(node)
            if 'instance' in node:
                out = {'type': 'module_instance', **line}
                out.update(zip(('instance', 'module'), ids))
                return out
            t = 'module_definition' if 'definition' in node else 'module'
            out = {'type': t, **line, **self.triple(node)}
            if ids:
                out['name'] = ids[0]
            return out
        if kind == 'register':
            out = {'type': kind, **line, 'as': string(node[1]).decode()}
            if len(node) > 2:
                out['name'] = node[2][1:]
            return out
        if kind in ('invoke', 'get'):
            return {'type': 'action', **line, 'action': self.action(node)}
        if kind == 'assert_return':
            return {'type': kind, **line, 'action': self.action(node[1]),
                    'expected': [value(v) for v in node[2:]]}
        text = string(node[2]).decode() if len(node) > 2 else ''
        if node[1][0] == 'module':
            if kind == 'assert_trap':
                kind = 'assert_uninstantiable'
            return {'type': kind, **line, **self.triple(node[1]), 'text': text}
        return {'type': kind, **line, 'action': self.action(node[1]),
                'text': text}


def convert(path, outdir):
    os.makedirs(outdir, exist_ok=True)
    base = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding='utf-8') as f:
        nodes = parse(expand(strip_block_comments(f.read())))
    w = Writer(base, outdir)
    cmds = [json.dumps(w.command(n)) for n in nodes]
    out = os.path.join(outdir, base + '.json')
    with open(out, 'w', encoding='utf-8') as f:
        f.write('{"source_filename":%s,"commands":[\n' % json.dumps(
            os.path.basename(path)))
        f.write(',\n'.join(cmds) + '\n]}\n')
    return out


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2])
