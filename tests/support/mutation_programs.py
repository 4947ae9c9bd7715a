"""Small compiled, rewritten and certified programs for mutation: each a hundred or so instructions of real shapes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ringfence.verify.kernel.proof import Certificate
from ringfence.verify.verifier import verify
from support.rewriter_lab import SLOTS, build, policy, rewritten

_SLOT_BYTES = 32

SOURCES = {
    "pointers": """
        typedef int (*step)(int *, int);
        int table[16]; unsigned char bytes[40]; extern void out(int);
        static int add(int *p, int n) { p[n & 3] += n; return p[0]; }
        static int swap(int *p, int n) { int t = p[0]; p[0] = p[n & 7]; p[n & 7] = t; return t; }
        static const step steps[3] = {add, swap, add}; step chosen;
        static void sort(int *a, int n) { for (int i = 1; i < n; i++) { int v = a[i], j = i;
            while (j > 0 && a[j - 1] > v) { a[j] = a[j - 1]; j--; } a[j] = v; } }
        int run(int n) { chosen = steps[(unsigned)n % 3]; for (int i = 0; i < 8; i++) table[i] = n * (i ^ 5);
            sort(table, 8); int r = chosen(table, n); bytes[n & 31] = r; *(short *)(bytes + 2 * (n & 7)) = r;
            out(r); return steps[n & 1](table, r); }""",
    "switches": """
        extern void out(int); struct { int state; unsigned short count[6]; char text[24]; long long sum; } m;
        int run(int n) { for (int i = 0; i < 12; i++, n = n * 5 + 3) switch (n & 7) {
            case 0: m.state = n; break; case 1: m.count[m.state & 3]++; break; case 2: m.text[i] = n; break;
            case 3: m.sum += n; break; case 4: out(n); break; case 5: m.state = m.text[i] ? i : n; break;
            case 6: if (n < 0) m.count[5] = n; else m.text[20] = n; break; default: m.sum -= i; }
          return m.state + (int)m.sum; }""",
    "recursion": """
        extern void out(int); struct node { struct node *left, *right; int key; } pool[12]; int used;
        static struct node *insert(struct node *t, int key) {
            if (!t) { if (used == 12) return 0; t = &pool[used++]; t->left = t->right = 0; t->key = key; return t; }
            if (key < t->key) t->left = insert(t->left, key); else t->right = insert(t->right, key); return t; }
        static int depth(struct node *t) { if (!t) return 0; int l = depth(t->left), r = depth(t->right); return 1 + (l > r ? l : r); }
        int run(int n) { struct node *root = 0; used = 0; for (int i = 0; i < 9; i++) { n = n * 1103515245 + 12345;
            root = insert(root, n >> 16); } int local[8]; for (int i = 0; i < 8; i++) local[i] = pool[i].key;
            out(local[n & 7]); return depth(root); }""",
    "copies": """
        unsigned char from[64], to[80]; unsigned words[20]; volatile unsigned short half;
        static __attribute__((noinline)) void copy(void *d, const void *s, unsigned n) { unsigned char *a = d; const unsigned char *b = s;
            while (n--) *a++ = *b++; }
        static __attribute__((noinline)) unsigned fill(unsigned *w, unsigned n, unsigned long long v) { unsigned i;
            for (i = 0; i + 1 < n; i += 2) { w[i] = (unsigned)v; w[i + 1] = (unsigned)(v >> 32); } return i; }
        int run(int n) { copy(to + (n & 15), from, 20 + (n & 31)); unsigned r = fill(words, n & 15, 0x1234567890ull * (unsigned)n);
            half = n > 3 ? r : n; if (n & 8) to[n & 63] = half; words[19] ^= n; return to[n & 15] + words[n & 7]; }""",
}


@dataclass(frozen=True)
class Certified:
    """A certified image: what is mutated."""

    name: str
    elf: bytes
    policy: bytes
    certificate: Certificate

    @property
    def box(self) -> dict[str, object]:
        box: dict[str, object] = json.loads(self.policy)["sandboxes"][0]
        return box

    @property
    def entries(self) -> list[int]:
        return [int(e["address"], 16) & ~1 for e in json.loads(self.policy)["sandboxes"][0]["entries"]]


def certify(name: str, elf: bytes, policy_bytes: bytes) -> Certified:
    """Raises AssertionError if it is rejected."""
    outcome = verify(elf, policy_bytes)
    assert outcome.certificate is not None, (name, outcome.report.failures[:3])
    return Certified(name, elf, policy_bytes, outcome.certificate)


def program(name: str, level: str = "-O2", confine: str = "writes", words: int | None = None) -> Certified:
    """Build one of the SOURCES."""
    image = build(SOURCES[name], level, libs="-lgcc", confine=confine, words=words)
    image = replace(image, request=replace(image.request, slots_end=SLOTS + _SLOT_BYTES))
    result = rewritten(image)
    return certify(f"{name} {level}", result.elf, policy(image, result))
