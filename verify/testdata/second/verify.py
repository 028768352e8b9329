#!/usr/bin/env python3
"""Judges Proctor evidence packs: a second verifier, written from the protocol.

    verify.py PACK POLICY [--at TIME]    PACK: a .proctor zip or a directory
    verify.py [--json] FORGERY.txtar     policy and time are inside; several files, or their directory

Written without the verifier in Go, so that a rule which one of them has got wrong shows as a difference. Only what the protocol leaves open was looked up there:
of openings, audits, corrected tables, releases and histories, and on what a contradiction rests. It goes no further than CAL-2 and reads no weights: model/recomputed and
model/uncovered are as auditors attest them, completeness/registrations as monitors do, order/run-later but for draws always missing; RFC 3161 tokens, encrypted files, ledgers and subjects are not read. It cannot check BLS:
a beacon round counts if its JSON parses and sha256(signature) = randomness. Python 3.11 and the package cryptography.
"""
import base64, bisect, calendar, hashlib, hmac, itertools, json, math, re, statistics, sys, time, tomllib, zipfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
RANK, LEVELS = ["n/a", "proven", "attested", "missing", "contradicted"], ["CAL-0", "CAL-1-R", "CAL-1", "CAL-2", "CAL-3", "CAL-4"]
HEADLINES = ["CANNOT CHECK", "CONTRADICTED", "RETRACTED", "NOT SUPPORTED", "SUPPORTED WITH GAPS", "SUPPORTED"]
TYPES = "application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.in-toto+json", "https://in-toto.io/Statement/v1"
NEEDS = {k: names.split() for k, names in {  # by facet and level; at 0 a check can only contradict
    "I0": "statement/one-branch retraction/none", "I1": "identity/signed", "I2": "identity/role identity/configuration registration/terms",
    "O1": "order/logged order/registered-before-result", "O2": "order/run-later", "O3": "order/drawn-between", "O0": "registration/draw", "C1": "completeness/chains", "C2": "completeness/registrations",
    "V0": "testset/history testset/openings result/first audit/regrade", "D2": "model/recomputed model/uncovered", "D0": "model/package audit/model-match",
    "V2": "challenge/answered audit/challenge", "V1": "testset/committed testset/skeleton testset/active registration/items result/evaluator result/items result/grades "
          "result/root result/score score/recomputed score/items", "D1": "model/committed model/seal model/same-as-released model/same-in-all-rows"}.items()}
CHECKS, STATES = sum(NEEDS.values(), []), {True: "proven", False: "contradicted", None: "missing"}
COMPARES = {n: who for who, names in {"reg": "identity registration", "set": "testset", "reg result": "order result score audit", "reg release": "model audit/model-match",
    "": "model/same-in-all-rows", "reg model": "model/committed", "set reg": "testset/committed registration/items score/items", "set reg result": "result/items result/root"
    }.items() for n in names.split()}
NONE = {"headline": HEADLINES[0], "level": LEVELS[0], "facets": "I0 O0 C0 V0 D0 U0", "stale": False, "checks": {}}
ROLES, PASS = "weights config tokenizer chat-template generation-config preprocessor code gguf-kv".split(), ("pass@k", "pass^k")
NAMES = re.compile(r"entries/[0-9a-f]{64}\.(sigstore\.json|tlog-proof|tsr)|artifacts/[0-9a-f]{64}|beacons/[0-9a-f]{64}-(0|[1-9]\d*)\.json")
PROOF = re.compile(r"c2sp\.org/tlog-proof@v1\n(?:extra \S*\n)?index (0|[1-9]\d*)\n((?:\S+\n)*)\n((?:.+\n)+\n(?:— .+\n)+)")
NOTE = re.compile(r"((.+)\n(0|[1-9]\d*)\n(\S+)\n(?:.+\n)*)\n((?:— \S+ \S+\n)+)")
SCHEMAS = {f.name.split(".")[0]: json.loads(f.read_text()) for f in (Path(__file__).resolve().parents[3] / "schemas").glob("*.schema.json")}
BAD = InvalidSignature, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, zipfile.BadZipFile
def need(ok, why):
    if not ok: raise ValueError(why)
def tried(f, *args):  # False if what others wrote has not the form that f wants
    try: return f(*args)
    except BAD: return False
def H(*parts): return hashlib.sha256(b"".join(parts)).digest()  # §0: hashes, trees, JSON
def u(bits, n): return n.to_bytes(bits // 8, "big")
def lp(x): return u(64, len(x := x.encode() if isinstance(x, str) else x)) + x
def tag(t): return b"proctor/v1/" + t.encode() + b"\n"
def TH(t, *parts): return H(tag(t), *parts)
def commit(salt, *parts): return hmac.digest(bytes.fromhex(salt), tag("field") + b"".join(map(lp, parts)), "sha256").hex()
def cut(data): return [data[i:i + 32] for i in range(0, len(data), 32)]
def split(n): return 1 << (n - 1).bit_length() - 1
def root(d): return H(b"\1", root(d[:split(len(d))]), root(d[split(len(d)):])) if len(d) > 1 else d[0] if d else H(b"")
def sample(seed, n, k):  # §6: k of n positions, in the order drawn
    moved, out, j = {}, [], 0
    for i in range(min(k, n)):
        while (x := int.from_bytes(H(tag("prng"), seed, u(64, j))[:8], "big")) >= 2**64 - 2**64 % (n - i): j += 1
        x, j = i + x % (n - i), j + 1
        out.append(moved.get(x, x))
        moved[x] = moved.get(i, i)
    return out
def climb(leaf, i, n, path):  # the root that a path leads to from leaf i of n; it takes the path's hashes from the end
    if n == 1: return leaf
    k, other = split(n), path.pop()
    return H(b"\1", climb(leaf, i, k, path), other) if i < k else H(b"\1", other, climb(leaf, i - k, n - k, path))
def grown(m, n, path, old=None):  # the roots of the first m and of all n leaves that a consistency proof leads to; old is known
    if m == n or not path: return (old or (path.pop() if path else b""),) * 2
    k, other = split(n), path.pop()
    a, b = grown(m, k, path, old) if m <= k else grown(m - k, n - k, path)
    return (a, H(b"\1", b, other)) if m <= k else (H(b"\1", other, a), H(b"\1", other, b))
def joined(start, n, leaves, path):  # the root over n leaves, known as (index, hash) or from a multiproof's hashes, last first
    if n == 1 or not leaves: return leaves[0][1] if leaves else path.pop()
    k = bisect.bisect(leaves, (start + split(n),))
    return H(b"\1", joined(start, split(n), leaves[:k], path), joined(start + split(n), n - split(n), leaves[k:], path))
def number(text):
    need((value := Decimal(repr(float(text)))) == Decimal(text), "number " + text)  # the shortest form's, as JCS writes it
    return int(value) if abs(value) < 10**21 and value == int(value) else float(text)
def members(pairs): return dict(pairs) if len(dict(pairs)) == len(pairs) else need(False, "a name twice")
def parse(data, exactly=False, form=True):
    v = json.loads(data.decode(), object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=int)
    return v if (jcs(v).encode() == data or not exactly) and valid(v, form, form) else need(False, "not canonical, or not as it should be")
def lines(data, form=True): return [parse(x, True, form) for x in data[:-1].split(b"\n")] if data[-1:] == b"\n" else need(False, "no end of line")
def jcs(v, depth=1):
    need(depth <= 64 or not isinstance(v, (dict, list)), "too deep")
    if isinstance(v, dict): return "{" + ",".join(jcs(n) + ":" + jcs(v[n], depth + 1) for n in sorted(v, key=lambda s: s.encode("utf-16-be"))) + "}"
    if isinstance(v, list): return "[" + ",".join(jcs(x, depth + 1) for x in v) + "]"
    if not isinstance(v, float): return json.dumps(v, ensure_ascii=False)
    m, _, e = repr(v).partition("e")
    return format(Decimal(repr(v)), "f") if e in ("-05", "-06") else m + ("e%+d" % int(e) if e else "")
def b64(s): return d if base64.b64encode(d := base64.b64decode(s, validate=True)) == s.encode() else need(False, "base64")
def stamp(s): return calendar.timegm(time.strptime(s, "%Y-%m-%dT%H:%M:%SZ"))
def valid(v, s, doc):  # JSON Schema, as far as the project's schemas use it
    if isinstance(s, bool): return s
    kind, what = {bool: ("boolean", ""), str: ("string", "Length"), int: ("integer", "imum"), float: ("number", "imum"),
                  list: ("array", "Items"), dict: ("object", "Properties")}.get(type(v), ("null", ""))
    (where, _, name), inside = s.get("$ref", "").partition("#/$defs/"), [(x, s.get("items", True)) for x in v] if kind == "array" else []
    for n in v if kind == "object" else []:
        rules = [r for p, r in s.get("patternProperties", {}).items() if re.search(p, n)] + [r for p, r in s.get("properties", {}).items() if p == n]
        inside += [(v[n], r) for r in rules or [s.get("additionalProperties", True)]]
    return (s.get("type", kind) in (kind, "number" if kind == "integer" else kind) and (kind != "object" or set(s.get("required", [])) <= set(v))
            and ("const" not in s or jcs(v) == jcs(s["const"])) and ("enum" not in s or v in s["enum"]) and not ("not" in s and valid(v, s["not"], doc))
            and (not name or valid(v, (d := SCHEMAS["common"] if where else doc)["$defs"][name], d)) and all(valid(x, r, doc) for x, r in inside)
            and any(valid(v, x, doc) for x in s.get("anyOf", [True])) and sum(valid(v, x, doc) for x in s.get("oneOf", [True])) == 1
            and (not what or s.get("min" + what, -math.inf) <= (v if what == "imum" else len(v)) <= s.get("max" + what, math.inf))
            and not (kind == "array" and s.get("uniqueItems") and len({jcs(x) for x in v}) < len(v))
            and (kind != "string" or bool(re.search(re.sub(r"\$$", r"\\Z", s.get("pattern", "")), v))))
def form(needs, **may): return {"type": "object", "required": [*needs], "properties": needs | may, "additionalProperties": False}
HASH, COUNT, DECIMAL = (SCHEMAS["common"]["$defs"][n] for n in ("hash", "count", "decimal"))
DIGEST, SMALL = HASH | {"not": {"const": "0" * 64}}, COUNT | {"maximum": 2**32 - 1}
ROW = form({"grade": {"anyOf": [DECIMAL, {"type": "string", "pattern": "^excluded:[a-z0-9-]{1,32}$"}]}, "item": COUNT, "sample": SMALL}, response=DIGEST, trace=DIGEST)
ITEM = form({"commitments": {"type": "array", "items": HASH}, "fields": {"additionalProperties": form({"bytes": {"type": "string"}, "salt": HASH})},
             "index": COUNT, "key": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "rev": SMALL})
class Policy:  # §7: and cosigned checkpoints
    def __init__(self, text):
        t = tomllib.loads(text)
        def seconds(k): return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[u] for n, u in re.findall(r"(\d+)([hms])", t["time"][k]))
        self.fresh, self.skew, self.margin, self.level, self.facets = seconds("freshness"), seconds("skew"), seconds("margin"), t["require"]["level"], t["require"].get("facets", [])
        self.share, self.miss = t["require"].get("sampled_share", 0), t["require"].get("sampled_miss", 0)
        self.pinned, self.undisclosed = t.get("pinned", []), t["require"].get("max_undisclosed", 0)
        self.groups, self.operators, self.deny = t.get("independent", []), t.get("operators", {}), t.get("deny", {})
        self.beacons, self.issuers = {b["chain"]: b for b in t.get("beacon", [])}, {i["uri"]: i for i in t.get("issuer", [])}
        for k in (k for i in self.issuers.values() for k in i.get("key", [])):
            k["public"] = pem.load_pem_public_key(k["pem"].encode())
            k["denied"] = H(k["public"].public_bytes(pem.Encoding.DER, pem.PublicFormat.SubjectPublicKeyInfo)).hex() in self.deny.get("keys", [])
        words = [w for w in (line.split("#")[0].split() for line in t["ledger"]["policy"].splitlines()) if w]
        self.logs, self.quorum = [vkey(w[1], 1) for w in words if w[0] == "log"], next(w[1] for w in words if w[0] == "quorum")
        self.witnesses = {w[1]: vkey(w[2], 4) for w in words if w[0] == "witness"}
        self.quorums = {w[1]: ({"any": 1, "all": len(w) - 3}.get(w[2]) or int(w[2]), w[3:]) for w in words if w[0] == "group"}
    def met(self, by, name):
        return sum(self.met(by, m) for m in self.quorums[name][1]) >= self.quorums[name][0] if name in self.quorums else name == "none" or name in by
    def splits(self, name, apart):  # whether two sets of witnesses meet a quorum that share none of those that are apart
        if name == "none": return True
        if name not in self.quorums: return name not in apart
        return sum(1 + self.splits(m, apart) for m in self.quorums[name][1]) >= 2 * self.quorums[name][0]
    def roles(self, uri): return set(self.issuers.get(uri, {}).get("roles", []))
    def names(self, uri): return next((n for i in self.issuers.values() if uri in (n := {i["uri"], *i.get("aliases", [])})), {uri})
    def independent(self, a, others): return all(not (x := self.names(a)) & (y := self.names(b)) and any(x & set(g) and y & set(g) for g in self.groups) for b in others)
def vkey(text, kind):
    name, keyhash, data = text.split("+", 2)
    need(b64(data)[0] == kind and H(name.encode(), b"\n", b64(data))[:4].hex() == keyhash, "vkey " + text)
    return name, bytes.fromhex(keyhash), ed25519.Ed25519PublicKey.from_public_bytes(b64(data)[1:])
def verifies(key, sig, text): return tried(lambda: key.verify(sig, text, *[ec.ECDSA(hashes.SHA256())] * isinstance(key, ec.EllipticCurvePublicKey)) is None)
def earliest(policy, files, r):  # the time of a beacon round, if its randomness follows from its signature
    if not r or not (b := policy.beacons.get(r["chain"])) or not (data := files.get("beacons/%s-%d.json" % (r["chain"], r["round"]))): return None
    j, random = parse(data), H(bytes.fromhex(parse(data)["signature"])).hex()
    return b["genesis"] + (r["round"] - 1) * b["period"] if j["round"] == r["round"] > 0 and j.get("randomness", random) == random else None
def logged(policy, entry, proof, at):  # what cosigned says of the tree that an entry is in, and the entry's index; or None
    index, path, note = PROOF.fullmatch(proof.decode()).groups()
    by, (_, size, top) = cosigned(policy, note, at) or need(False, "no quorum")
    need(int(index) < size and climb(H(b"\0", entry), int(index), size, path := [b64(x) for x in path.split()]) == b64(top) and not path, "not included")
    return by, (_, size, top), int(index)
def cosigned(policy, note, at):  # the times at which a quorum had cosigned, each with who had by then, and the tree; or None
    note, origin, size, top, tail = NOTE.fullmatch(note).groups()
    note, sigs = note.encode(), [(x.split(" ")[1], b64(x.split(" ")[2])) for x in tail.splitlines()]
    def by(key): return [s[4:] for name, s in sigs if (name, s[:4]) == key[:2]]
    need(any(key[0] == origin and verifies(key[2], s, note) for key in policy.logs for s in by(key)), "not of a log")
    times = {w: [t for s in by(key) if len(s) == 72 and 0 < (t := int.from_bytes(s[:8], "big")) <= at
                 and verifies(key[2], s[8:], b"cosignature/v1\ntime %d\n" % t + note)] for w, key in policy.witnesses.items()}
    met = [(t, who) for t in sorted(sum(times.values(), [])) if policy.met(who := {w for w in times if min(times[w], default=math.inf) <= t}, policy.quorum)]
    return (met, (origin, int(size), top)) if met and not policy.met((), policy.quorum) else None
class Statement:  # §1: and packs
    def __init__(self, name, files, policy, at):
        bundle = parse(entry := files[f"entries/{name}.sigstore.json"], exactly=True)
        env, (sig,), payload = bundle["dsseEnvelope"], bundle["dsseEnvelope"]["signatures"], b64(bundle["dsseEnvelope"]["payload"])
        body, pae = parse(payload, exactly=True), b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
        self.p, self.id = body["predicate"], TH("statement", lp(payload)).hex()
        self.kind = re.fullmatch(r"https://proctor-attest\.github\.io/schemas/([a-z-]+)/v1", body["predicateType"])[1]
        (self.issuer, self.seq, self.prev), schema = (self.p[k] for k in ("issuer", "seq", "prev")), SCHEMAS.get(self.kind, True)
        self.keys = [k for k in policy.issuers.get(self.issuer, {}).get("key", []) if not k["denied"] and verifies(k["public"], b64(sig["sig"]), pae)]
        need((bundle["mediaType"], env["payloadType"], body["_type"]) == TYPES and name == self.id and len(entry) < 65536, name + ": not such a bundle")
        need(stamp(self.p.get("deadline", "2000-01-01T00:00:00Z")) and valid(self.p, schema, schema), f"{self.kind} {name} is not as its schema says")
        self.upper, self.lower = tried(logged, policy, entry, files.get(f"entries/{name}.tlog-proof", b""), at), earliest(policy, files, self.p.get("notBefore"))
    def ref(self, role): return ids if len(ids := [r["id"] for r in self.p["refs"] if r["role"] == role]) == 1 else []
class Pack:
    def __init__(self, files, policy, at):
        self.policy, self.files, self.now = policy, files, range(at - policy.fresh, at + policy.skew + 1)  # of fresh heads
        for name, data in files.items():
            need(NAMES.fullmatch(name) and (name[:10] != "artifacts/" or H(data).hex() == name[10:]), name + ": unknown, or other bytes")
            need(not name.endswith((".tlog-proof", ".tsr")) or name[:72] + ".sigstore.json" in files, name + ": without its entry")
        self.statements = {n[8:72]: Statement(n[8:72], files, policy, at + policy.skew) for n in files if n.endswith(".sigstore.json")}
        for s in self.of("inventory"): s.tree = tried(cosigned, policy, s.p["checkpoint"], at + policy.skew)
        trees = {s.upper[1] for s in self.statements.values() if s.upper} | {s.tree[1] for s in self.of("inventory") if s.tree}
        self.forked = {t[0] for t, u in itertools.permutations(trees, 2) if t[:2] == u[:2]}
        for s in self.statements.values():
            (s.upper, (s.ledger, _, _), s.index) = s.upper if s.upper and s.upper[1][0] not in self.forked else (None, (None,) * 3, None)  # not of two histories
            s.counts = s.id not in policy.deny.get("statements", []) and any(
                not {"from", "until"} & set(k) or s.upper and ("from" not in k or k["from"].timestamp() <= s.upper[0][0])
                and ("until" not in k or self.when(s, [s.issuer])[0] <= k["until"].timestamp()) for k in s.keys)
        self.monitors = [s for s in self.of("inventory") if s.counts and "monitor" in policy.roles(s.issuer) and tried(self.read_list, s)]
        self.listed = [f for s in self.monitors for f in s.found]
        for s in self.of("opening"): s.opens = tried(self.opens, s.p, s) if "opening" in s.p else "n/a"
    def when(self, s, parties):  # by when s was made, and how surely: True if an operator that is independent of the parties vouches for it
        sure = [t for t, by in s.upper or [] if any(self.policy.independent(self.policy.operators.get(w, ""), parties) for w in by)]
        return (sure[0], True) if sure else (s.upper[0][0], "attested") if s.upper else (None, None)
    def of(self, *kinds): return [s for s in self.statements.values() if s.kind in kinds]
    def artifact(self, ref):
        if (data := self.files.get("artifacts/" + ref["sha256"])) is not None and len(data) != ref["size"]: raise OSError(f"artifact {ref['sha256']}: of another size")
        return data
    def read_list(self, s):  # §1: an inventory's list, and whether it attests anything
        p, q = s.p, s.p["query"]
        s.found = p["found"] if "found" in p else lines(self.artifact(p["list"]), SCHEMAS["inventory"]["$defs"]["found"] | {"additionalProperties": False})
        order, first, twice = [f["index"] for f in s.found], {}, []
        for f in s.found:
            if first.setdefault((f["issuer"], f["seq"]), f["id"]) != f["id"]: twice.append({"issuer": f["issuer"], "seq": f["seq"], "ids": [first[f["issuer"], f["seq"]], f["id"]]})
        need(order == sorted(set(order)) and (not order or order[-1] < p["size"]) and jcs(twice[:32]) == jcs(p["equivocations"]), "list")
        shown = {x.id for x in self.answers(q) if x.upper and x.ledger == p["ledger"] and x.index < p["size"]}
        s.as_of = min(t for t, _ in s.tree[0]) if s.tree else 0
        s.attests = (not self.withdrawn(s) and self.one_branch([s.issuer]) and s.upper and s.lower in self.now and s.tree and s.as_of in self.now
                     and s.tree[1] == (p["ledger"], p["size"], base64.b64encode(bytes.fromhex(p["root"])).decode())
                     and p["ledger"] not in self.forked and shown <= {f["id"] for f in s.found})
        return True
    def answers(self, q):  # the statements that answer to a query
        def of(s): return s.p.get({"result": "runID", "audit": "result" if "result" in s.p else "release", "retraction": "target"}.get(s.kind))
        mine = [s for s in self.statements.values() if s.counts and s.upper]
        if "lab" not in q: return [s for s in mine if (s.issuer == q["issuer"] if "issuer" in q else q["target"] in (of(s), *(r["id"] for r in s.p["refs"])))]
        found = {s.id: s for s in mine if s.kind == "registration" and (s.p["testset"]["setID"], s.p["lab"]) == (q["setID"], q["lab"]) and s.issuer in (q["lab"], s.p["evaluator"])}
        for kind, kinds in ("result", "registration"), ("audit", "result"), ("retraction", "registration result audit"):
            found |= {s.id: s for s in mine if s.kind == kind and (x := found.get(of(s))) and x.kind in kinds and (kind != "retraction" or s.issuer == x.issuer)}
        return list(found.values())
    def left_out(self, kind, of, issuer=None, before=math.inf):  # whether a monitor lists a statement about another that is not here
        return any(f["kind"] == kind and f.get("of") == of and issuer in (None, f["issuer"]) and f["seq"] < before and f["id"] not in self.statements for f in self.listed)
    def one_branch(self, issuers):  # whether what is here of issuers is one chain of each
        mine = [(s, self.statements.get(s.prev)) for s in self.statements.values() if s.counts and s.issuer in issuers]
        branch = {(s.issuer, s.seq): s.id for s, _ in mine}
        torn = [s for s, prev in mine if s.prev != branch.get((s.issuer, s.seq - 1), s.prev if s.seq else "0" * 64)
                or s.kind == "head" and s.p["newest"] != s.seq - 1 or prev and (prev.issuer, prev.seq) != (s.issuer, s.seq - 1)]
        return len(branch) == len(mine) and not torn
    def other_branch(self, issuers):  # whether monitors list two statements of one number
        ids = {(s.issuer, s.seq, s.id) for s in self.statements.values() if s.counts} | {(f["issuer"], f["seq"], f["id"]) for f in self.listed}
        return any(len({i for n, q, i in ids if (n, q) == (f["issuer"], f["seq"])}) > 1 for f in self.listed if f["issuer"] in issuers)
    def withdrawn(self, s): return any(x.p["target"] == s.id and x.issuer == s.issuer and x.counts and (x.lower or 0) < self.now.stop for x in self.of("retraction"))
    def replaced(self, s):  # whether an issuer withdrew its table of scores, and published another since: that is how it corrects one
        since = [x for x in self.of("claim", "release") if x.counts and x.issuer == s.issuer and x.seq > s.seq and x.p.get("scores")]
        return s.counts and self.withdrawn(s) and not all(map(self.withdrawn, since))
    def opens(self, p, s):  # whether an owner opens what it committed to; None if that cannot be seen, or the set is not its own
        of = next((t for t in self.of("testset") if [t.id] == s.ref("testset") and t.counts and s.counts and t.issuer == s.issuer), None)
        if of and any(p[k] != of.p[k] for k in ("setID", "version", "name")): return False
        if not of or (data := self.artifact(p["opening"])) is None: return None
        (head, *items), v, names, leaves = lines(data), p["version"], of.p["fields"], []
        need(jcs(head) == jcs({"fields": names, "opened": p["opened"], "proof": head["proof"], "root": v["root"], "setID": p["setID"], "size": v["size"]}), "head")
        need(len({(str(i["key"]), i["rev"]) for i in items}) == len(items) == p["opened"], "keys of items")
        for i in items:
            need(valid(i, ITEM, None) and set(i["fields"]) == set(p["fields"]) <= set(names) and len(i["commitments"]) == len(names), "item")
            for name, c, f in ((n, c, i["fields"][n]) for n, c in zip(names, i["commitments"]) if n in i["fields"]):
                need(commit(f["salt"], name, b64(f["bytes"])) == c and (not f["bytes"] or jcs(parse(b64(f["bytes"])))), "field " + name)
            leaves.append((i["index"], H(b"\0", tag("item"), u(16, len(names)), bytes.fromhex("".join(i["commitments"])))))
        order, path = [i for i, _ in leaves], cut(b64(head["proof"]))[::-1]
        return order == sorted(set(order)) and order[-1] < v["size"] and joined(0, v["size"], leaves, path).hex() == v["root"] and not path
def read(path):  # a pack's files by name; of an archive also policy and time
    if path.suffix == ".txtar":
        parts = re.split(r"(?m)^-- (.+) --\n", path.read_text())
        files = {n.removesuffix(".b64"): b64(d.strip()) if n.endswith(".b64") else d.encode()
                 for n, d in zip(parts[1::2], parts[2::2]) if not n.startswith("ledger/")}
        return files, files.pop("policy.toml").decode(), re.search(r"(?m)^at: (\S+)$", parts[0])[1]
    if path.is_dir():
        return {p.relative_to(path).as_posix(): p.read_bytes() if p.is_file() and not p.is_symlink() else need(False, p)
                for p in path.rglob("*") if p.is_symlink() or not p.is_dir()}, None, None
    with zipfile.ZipFile(path) as z:
        need(len({n.lower() for n in z.namelist()}) == len(z.namelist()) and sum(i.file_size for i in z.infolist()) < 1 << 30, "a name twice, or too much")
        return {n: z.read(n) for n in z.namelist()}, None, None
def reducer(m, samples):  # §5: how many samples a metric takes, and what reduces them to one number; None if it is not known here
    p, lo, hi, reduce = m.get("parameters", {}), Fraction(m["min"]), Fraction(m["max"]), m.get("parameters", {}).get("reduce", "")
    k, (best, worst) = int(p["k"]) if re.fullmatch("[1-9][0-9]{0,4}", p.get("k", "")) else 0, (hi, lo) if m["better"] == "higher" else (lo, hi)
    def drawn(grade, gs): return Fraction(math.comb(gs.count(grade), k), math.comb(len(gs), k))  # the chance that k have it
    ways = {"": statistics.mean, "max": max, "median": statistics.median, "mode": statistics.mode, "at_least": lambda gs: best if gs.count(best) >= k else worst}
    ways = dict.fromkeys(("mean", "accuracy", "exact_match"), ways) | {"pass@k": {"": lambda gs: 1 - drawn(lo, gs)}, "pass^k": {"": lambda gs: drawn(hi, gs)}}
    fits = 0 < k <= min(samples, 10000) if m["name"] in PASS or reduce == "at_least" else "k" not in p
    fits = fits and lo < hi and (m["name"] == "mean" or (lo, hi) == (0, 1)) and (m["name"] not in PASS or best == hi)
    return k, ways.get(m["name"], {}).get(reduce) if fits else None
def order(roles): return [ROLES.index(r["role"]) if r["role"] in ROLES else 99 + int(r["role"][8:]) for r in roles]
def model_id(roles): return TH("model", u(32, len(roles)), *(lp(r["role"]) + bytes.fromhex(r["digest"]) for r in roles)).hex()
def commit_in(uri): return m[1] if (m := re.search(r"[@/]([0-9a-f]{40})\Z", uri)) else None
def agrees(m):  # §3: whether what an auditor found agrees with itself
    roles, source, s, read = m["roles"], m["source"], m.get("sample"), [r for r in m["roles"] if "digest" in r]
    need(order(roles) == sorted(set(order(roles))) and (not commit_in(source["uri"]) or source.get("commit") == commit_in(source["uri"])), "roles, or commit")
    need(stamp(source.get("fetched", "2000-01-01T00:00:00Z")) and all(len(n["first"]) == min(n["count"], 32) for k in ("differs", "uncovered") for n in [m.get(k)] if n), "time, or names")
    other = [r["role"] for r in roles if r["state"] not in ("same", "unknown")]
    if m["tier"] < 3: return not read and not re.search("weights|gguf-kv|adapter", " ".join(other)) and m["outcome"] == ("mismatch" if other else "incomplete")
    whole = all(r["state"] != "unknown" and ("digest" in r) == (r["state"] != "absent") for r in roles) and model_id(read) == m["modelID"]
    drawn = not s or s["tensors"] <= s["ofTensors"] and s["bytes"] <= s["ofBytes"] and Fraction(s["missed"]) * 10**6 == math.ceil((1 - Fraction(s["share"])) ** s["draws"] * 10**6)
    return whole and drawn and (not other) == (m["modelID"] == m["released"]) == (m["outcome"] == "match")
def place(r): return r["item"], r["sample"]
def excluded(r): return r["grade"].startswith("excluded:")
def worst(states): return max((STATES.get(s, s) for s in states), key=RANK.index, default="n/a")
class Row:  # §2 to §7: a published score; of its checks True is proven, False contradicted, None missing
    def __init__(self, pack, claim, score):
        def get(kind, *ids): return next((s for i in ids if (s := pack.statements.get(i)) and s.kind == kind), None)
        self.pack, self.policy, self.claim, self.score, self.state = pack, pack.policy, claim, score, dict.fromkeys(CHECKS)
        self.unreadable = self.config = self.skeleton = self.active = self.items = self.graded = self.ran = None
        self.result = get("result", score["result"])
        self.reg = self.result and get("registration", *self.result.ref("registration"))
        self.set, self.model = (self.reg and get(k, *self.reg.ref(k)) for k in ("testset", "model"))
        self.audit = self.reg and get("audit", score.get("regrade"))
        self.release = self.reg and self.find_release(get("release", claim.id, *claim.ref("release")))
        self.relied = [s for s in (self.set, self.model, self.reg, self.result, claim, self.release, self.audit) if s]
        self.statements(self.set and self.model)
        for judge in (self.registration, self.draw, self.testset, self.rows, self.audits, self.models, self.published) if self.reg else (): judge(self.reg.p)
    def find_release(self, named):  # the release that the row is judged against
        def fits(s, ran=self.reg.p["model"]): return s.p["model"] == ran or any(x["commitment"] == ran["id"] for x in s.p.get("seals", []))
        if named and (fits(named) or not self.claim.p.get("variants")): return named
        return min((s for s in self.pack.of("release") if s.counts and s.issuer == self.reg.p["lab"] and fits(s)), key=lambda s: s.seq, default=named)
    def when(self, s): return self.pack.when(s, [s.issuer, *([self.reg.p["lab"], self.reg.p["evaluator"]] if self.reg else [])])
    def in_role(self, s):
        may = {"testset": {"owner"}, "inventory": {"monitor"}, "registration": {"lab", "evaluator"}, "result": {"evaluator"}, "audit": {"auditor", "owner", "evaluator"}}
        return bool(may.get(s.kind, {"lab"}) & self.policy.roles(s.issuer)) or s.kind == "claim" and s.issuer in self.policy.issuers
    def known(self, queries, others=(), those=()):  # whether independent monitors answer each query for each ledger of the policy
        parties = [*others, *([self.reg.p["lab"], self.reg.p["evaluator"]] if self.reg else [])]
        published = self.when(self.claim)[0] or 0
        def serves(s, origin, q):
            seen = all(x.index < s.p["size"] for x in (*self.relied, *those) if x.upper and x.ledger == origin)
            late = self.claim.upper and self.claim.ledger != origin and published > s.as_of + self.policy.skew
            return s.attests and s.p["ledger"] == origin and s.p["query"] == q and self.policy.independent(s.issuer, parties) and seen and not late
        apart = {w for w in self.policy.witnesses if self.policy.independent(self.policy.operators.get(w, ""), parties)}
        return not self.policy.splits(self.policy.quorum, apart) and all(any(serves(s, log[0], q) for s in self.pack.monitors) for log in self.policy.logs for q in queries)
    def completeness(self):  # §7: whether each of the lab's runs on the set was reported
        p, set_ = self.reg and self.reg.p, self.set and self.set.p["setID"]
        if not p or not set_ or not (set_ in self.policy.pinned or self.policy.independent(self.set.issuer, [p["lab"]])): return None
        names, (published, sure) = self.policy.names(p["lab"]), self.when(self.claim)
        if not self.known([{"setID": set_, "lab": n} for n in names]): return None
        hidden = {f["id"] for s in self.pack.monitors for f in s.found if s.p["query"] in [{"setID": set_, "lab": n} for n in names] and f["kind"] == "registration"}
        undisclosed = len(hidden - set(self.pack.statements))
        for r in self.pack.of("registration"):
            if r.p["testset"]["setID"] != set_ or r.p["lab"] not in names or not r.counts or r.issuer not in (r.p["lab"], r.p["evaluator"]): continue
            undisclosed += not (sure is True and (r.lower or 0) > published + self.policy.skew) and not self.reported(r)
        return "attested" if undisclosed <= self.policy.undisclosed else None
    def reported(self, reg):  # whether a run's first result is here, stands, and discloses it
        first = min((s for s in self.pack.of("result") if s.counts and s.upper and (s.issuer, s.p["runID"]) == (reg.p["evaluator"], reg.id)), key=lambda s: s.seq, default=None)
        if not first or "rows" not in first.p or any(x.counts and (x.issuer, x.p["target"]) == (first.issuer, first.id) for x in self.pack.of("retraction")): return False
        if self.pack.left_out("result", reg.id, first.issuer, first.seq) or self.pack.left_out("retraction", first.id, first.issuer): return False
        row = Row(self.pack, self.claim, {"result": first.id, "label": "", "score": "0", "decimals": 0, "scale": "1"})
        shown = "testset/committed testset/skeleton testset/active identity/configuration result/items result/root result/grades".split()
        return bool(row.reg is reg and row.set and row.set.counts and all(row.state[n] is True for n in shown) and (row.state["result/score"] is True or not row.metric[1]))
    def chain_to_head(self, issuer, those):  # how sure the bound is of a fresh head that an issuer's chain reaches; None if it reaches none
        for h in (h for h in self.pack.of("head") if h.issuer == issuer and h.upper and h.lower in self.pack.now):
            chain, s = {}, h
            while s and s.counts and s.issuer == issuer and s.seq == h.seq - len(chain):
                chain[s.id], s = s, self.pack.statements.get(s.prev)
            if all(r.id in chain for r in those if r.issuer == issuer): return self.when(h)[1]
    def statements(self, whole):
        st, relied, issuers, self.retracted = self.state, self.relied, {s.issuer for s in self.relied}, any(map(self.pack.withdrawn, self.relied))
        two = self.pack.other_branch(issuers)
        st["statement/one-branch"] = self.pack.one_branch(issuers) and (None if two else "attested")
        st["completeness/chains"] = worst(self.chain_to_head(i, relied) for i in issuers) if whole and not two else "missing"
        self.stale = not whole or two or any(not self.chain_to_head(i, relied) and not self.known([{"issuer": i}], issuers) for i in issuers)
        self.outdated = not self.retracted and any(self.pack.left_out("retraction", s.id, s.issuer) for s in relied)
        st["retraction/none"] = "attested" if not (self.stale or self.retracted or self.outdated) else None
        st["identity/signed"], st["identity/role"] = (whole and all(sure) or None for sure in ([s.counts for s in relied], map(self.in_role, relied)))
        st["order/logged"] = worst(self.when(s)[1] for s in relied) if whole else None
    def registration(self, p):
        st, reg, res, data = self.state, self.reg, self.result, self.pack.artifact(p["configuration"])
        registered, end = self.when(reg)[0], res.upper and self.when(res)[0] + self.policy.skew
        st["registration/terms"] = reg.issuer in (p["lab"], p["evaluator"]) and registered and stamp(p["deadline"]) <= registered + 90 * 86400 + self.policy.skew
        st["order/registered-before-result"] = res.p["runID"] == reg.id and end and (reg.lower or 0) <= end and (bool(registered and registered <= end) or None)
        self.low, self.high, self.metric = Fraction(p["metric"]["min"]), Fraction(p["metric"]["max"]), reducer(p["metric"], p["samples"])
        self.config = c = None if data is None else tried(parse, data, True, SCHEMAS["configuration"])
        fits = c and c["evaluator"] == p["evaluator"] and (c["relation"] == "first-party" or not self.policy.names(p["lab"]) & self.policy.names(p["evaluator"]))
        st["identity/configuration"] = fits and (None if '"unknown"' in jcs(c) else tried(self.members, c))
    def members(self, c):  # whether those of the configuration's private members that were opened are what was committed to
        return all(commit(v["salt"], n, b64(v["bytes"])) == c[n]["commitment"] and parse(b64(v["bytes"])) not in ("unknown", "?") for s in self.pack.of("opening")
                   if s.counts and s.issuer == self.reg.issuer and (o := s.p.get("configuration")) and o["runID"] == self.reg.id for n, v in o["members"].items())
    def draw(self, p):  # §4: what a later beacon round decides, and whether it came late enough
        st, d, policy, self.drawn = self.state, p.get("draw"), self.policy, None
        if not d: return st.update({"registration/draw": "n/a"} | ({"order/drawn-between": "n/a"} if self.set and self.model else {}))
        at, (registered, sure) = {"chain": d["chain"], "round": d["round"]}, self.when(self.reg)
        if (due := earliest(policy, self.pack.files, at)) is None: return
        random = H(bytes.fromhex(parse(self.pack.files["beacons/%s-%d.json" % (d["chain"], d["round"])])["signature"]))
        self.drawn = TH("draw-seed", TH("draw", bytes.fromhex(self.reg.id + d["chain"]), u(64, d["round"]), random), lp("items"))
        if self.result.p.get("notBefore") != at or not registered or not registered + policy.margin <= due <= registered + 7 * 86400: return
        st["registration/draw"] = sure
        if sure is not True or not self.set: return
        pool = self.listed(self.set.p["bitmap"], p["testset"]["size"])
        half = d["kind"] == "subset" and pool and 2 * d["items"] <= len(pool)
        st["order/run-later"] = bool(half) or {"fewshot", "options"} & set(d) and policy.independent(p["evaluator"], [p["lab"]]) and "attested" or None
        before = [self.when(s) for s in (self.model, self.set) if s]
        st["order/drawn-between"] = len(before) == 2 and all(ok is True and t + policy.skew < due for t, ok in before) or None
    def testset(self, p):
        st, chosen, said = self.state, p.get("items"), self.score.get("items")
        if self.set: self.version(p, self.set.p, self.set.p["version"], p["testset"]["size"])
        self.items, st["registration/items"], st["score/items"] = self.active, "n/a", False if said else "n/a"
        if (d := p.get("draw", {"kind": ""}))["kind"] == "subset":
            self.items = sorted(self.active[i] for i in sample(self.drawn, len(self.active), d["items"])) if self.drawn and self.active else None
            st["score/items"] = "n/a" if not said else self.active and said == f"{d['items']} of {len(self.active)}"
        if chosen:
            bits, known = self.listed(chosen["bitmap"], p["testset"]["size"]), self.active and self.pack.artifact(chosen["bitmap"]) is not None
            st["registration/items"] = bits is not None and len(bits) == chosen["count"] and set(bits) <= set(self.active) if known else None
            self.items = bits if st["registration/items"] else None
            st["score/items"] = said == f"{chosen['count']} of {len(self.active)}" if said and self.active else None if said else False
    def version(self, p, t, v, n):
        st, bm, sk, own = self.state, self.pack.artifact(t["bitmap"]), self.pack.artifact(t["skeleton"]), (t["issuer"], t["setID"])
        same = (p["testset"], p["testsetName"], t["setID"]) == (v | {"setID": t["setID"]}, t["name"], TH("testset", lp(t["issuer"]), lp(t["name"])).hex())
        st["testset/committed"] = same and (t["setID"] not in self.policy.deny.get("sets", []) or None)
        st["testset/history"], self.active = self.history(self.set), self.listed(t["bitmap"], n) or None
        st["testset/openings"] = worst(o.opens for o in self.pack.of("opening") if o.counts and (o.issuer, o.p.get("setID")) == own)
        if sk is not None:
            st["testset/skeleton"], self.skeleton = len(sk) == 32 * v["size"] and root(cut(sk)).hex() == v["root"], cut(sk) if len(sk) == 32 * n else None
        if bm is not None: st["testset/active"] = self.listed(t["bitmap"], v["size"]) is not None and TH("active", u(64, v["size"]), bm).hex() == v["active"]
    def listed(self, artifact, size, active=None):  # the items in a bitmap; None unless it is one of so many, and of this digest
        bm = self.pack.artifact(artifact)
        if bm is None or len(bm) != (size + 7) // 8 or active not in (None, TH("active", u(64, size), bm).hex()): return None
        return bits if max(bits := [i for i in range(len(bm) * 8) if bm[i // 8] >> 7 - i % 8 & 1], default=0) < size else None
    def history(self, s):  # whether a version of a set, and each before it, follows from the one before
        def line(x): return x.ref("testset"), x.issuer, x.p["setID"], x.p["fields"], x.p.get("keyMember")
        old, v, edits = next((x for x in self.pack.of("testset") if [x.id] == s.ref("testset")), None), s.p["version"], s.p.get("edits", [])
        gone, new = {e["retired"] for e in edits}, [e["successor"] for e in edits if "successor" in e]
        if any(x is not s and x.counts and line(x)[:3] == line(s)[:3] for x in self.pack.of("testset")): return False
        if not s.ref("testset"): return "n/a" if all(r["role"] != "testset" for r in s.p["refs"]) and not {"edits", "consistency"} & set(s.p) else False
        if not old or not old.counts: return None
        w, path, roots = old.p["version"], [bytes.fromhex(x) for x in s.p.get("consistency", [])], [bytes.fromhex(x["root"]) for x in (old.p["version"], v)]
        fits = w["size"] <= v["size"] and list(grown(w["size"], v["size"], path, roots[0])) == roots and not path and line(old)[1:] == line(s)[1:]
        if not fits or len(gone) < len(edits) or len(set(new)) < len(new) or not all(w["size"] <= i < v["size"] for i in new): return False
        if None in map(self.pack.artifact, (old.p["bitmap"], s.p["bitmap"])): return None
        before, now = (self.listed(x.p["bitmap"], x.p["version"]["size"], x.p["version"]["active"]) for x in (old, s))
        kept = None not in (before, now) and {i for i in now if i < w["size"]} == set(before) - gone and gone <= set(before) and set(new) <= set(now)
        return kept and {"n/a": True}.get(h := self.history(old), h)
    def rows(self, p):
        st, res, zero, run = self.state, self.result.p, "0" * 64, (self.result.issuer, self.result.p["runID"])
        st["result/evaluator"] = self.result.issuer == p["evaluator"]
        st["result/first"] = (None if self.pack.left_out("result", run[1], run[0], self.result.seq) else "attested") if all(s.seq >= self.result.seq for s in self.pack.of("result") if s.counts and (s.issuer, s.p["runID"]) == run) else False
        self.graded = rows = tried(lines, data, ROW) if "rows" in res and (data := self.pack.artifact(res["rows"])) is not None else None
        self.challenge(p, res, rows or [])
        if not rows: return st.update({"result/root": rows})
        if self.items is not None: st["result/items"] = list(map(place, rows)) == [(i, s) for i in self.items for s in range(p["samples"])]
        if self.skeleton is not None:
            leaves = [H(b"\0", tag("result"), bytes.fromhex(res["runID"]), u(64, r["item"]), u(32, r["sample"]), self.skeleton[r["item"]],
                        bytes.fromhex(r.get("response", zero) + r.get("trace", zero)), lp(r["grade"])) for r in rows if r["item"] < len(self.skeleton)]
            st["result/root"] = len(leaves) == len(rows) == res["leaves"] and root(leaves).hex() == res["root"]
        if not self.config: return
        st["result/grades"], self.unreadable = all(map(self.allowed, rows)), not self.metric[1]
        if (exact := self.exact(rows)) is not None:
            st["result/score"] = str(exact) == res["score"] and sum(map(excluded, rows)) == res["excluded"]
            if "regrade" in self.score: exact = self.audit and self.regraded(self.audit)
            holds, other = None if exact is None else self.follows(exact), self.audit and self.audit.p.get("result") != self.result.id
            self.unreadable = exact is not None and holds is None
            st["score/recomputed"] = False if other else "attested" if holds and self.audit else holds
    def challenge(self, p, res, rows):  # §6: whether the leaves that a beacon drew were opened, and graded alike
        st, terms, policy, (reported, sure) = self.state, res.get("challenge"), self.policy, self.when(self.result)
        if not terms: return st.update({"challenge/answered": "n/a", "audit/challenge": "n/a"})
        by, due = stamp(terms["answerBy"]), earliest(policy, self.pack.files, {"chain": terms["chain"], "round": terms["round"]})
        if due is None or sure is not True or not reported + policy.margin <= due <= reported + 7 * 86400 or by > reported + 60 * 86400 + policy.skew or not rows: return
        random = H(bytes.fromhex(parse(self.pack.files["beacons/%s-%d.json" % (terms["chain"], terms["round"])])["signature"]))
        seed, worst = TH("challenge", bytes.fromhex(self.result.id + terms["chain"]), u(64, terms["round"]), random), self.low if p["metric"]["better"] == "higher" else self.high
        strata = {n: [] for n in ("excluded", "credited", "uncredited")}
        for i, row in enumerate(rows): strata["excluded" if excluded(row) else "uncredited" if not self.better(Fraction(row["grade"]), worst, p) else "credited"].append(i)
        drawn = {n: [at[i] for i in sample(TH("stratum", seed, lp(n)), len(at), terms["k"])] for n, at in strata.items()}
        mean = p["metric"]["name"] not in PASS and "reduce" not in p["metric"].get("parameters", {})
        items = {rows[i]["item"] for i in sum(drawn.values(), [])}
        plan = sorted(sum(drawn.values(), [])) if mean else [i for i, row in enumerate(rows) if row["item"] in items]
        answers = [o for o in sorted(self.pack.of("opening"), key=lambda o: o.seq) if o.counts and o.issuer == p["evaluator"] and o.p.get("answers", {}).get("result") == self.result.id]
        for o in answers:
            found, (at, ok) = tried(self.answers, o.p["answers"], res, rows, plan), self.when(o)
            if found == "false": st["challenge/answered"] = False
            if found is True and ok is True and at <= by + policy.skew and not self.pack.withdrawn(o): st["challenge/answered"], self.answer = True, o.id
            if st["challenge/answered"] is not None: break
        if st["challenge/answered"] is not True: return
        good = [self.graded_alike(a, p, rows, plan) for a in sorted(self.pack.of("audit"), key=lambda a: (a.issuer, a.seq)) if self.may_grade(a, p)]
        n, k, m = len(strata["credited"]), len(drawn["credited"]), -(-2 * len(rows) // 100)
        miss = Fraction(math.comb(n - m, k), math.comb(n, k)) if m <= n else 0
        whole = self.config and not (self.config["denominator"] == "left-out" and res["excluded"])
        if good and all(good) and mean and whole and miss <= Fraction(5, 100): st["audit/challenge"] = "attested"
    def answers(self, a, res, rows, plan):  # True if an opening opens all that was drawn, "false" if it opens something else than was committed to
        if any(a[k] != res[k] for k in ("runID", "leaves", "root")) or (data := self.pack.artifact(a["opening"])) is None: return None
        (head, *items), zero, leaves, opened = lines(data), "0" * 64, [], set()
        if jcs(head) != jcs({"opened": len(items), "proof": head["proof"], "root": res["root"], "runID": res["runID"], "size": res["leaves"]}) or len(items) != a["opened"]: return None
        for i in items:
            row = {k: i[k] for k in ("grade", "item", "response", "sample", "trace") if k in i}
            if i["index"] >= len(rows) or row != rows[i["index"]]: return "false"
            if any(commit(f["salt"], n, b64(f["bytes"])) != i.get(n, "") for n, f in i["fields"].items()): return "false"
            leaves.append((i["index"], H(b"\0", tag("result"), bytes.fromhex(res["runID"]), u(64, i["item"]), u(32, i["sample"]), bytes.fromhex(i["itemLeaf"]),
                                         bytes.fromhex(i.get("response", zero) + i.get("trace", zero)), lp(i["grade"]))))
            if "response" in i["fields"] or excluded(i) and "response" not in i: opened.add(i["index"])
        order, path = [i for i, _ in leaves], cut(b64(head["proof"]))[::-1]
        if order != sorted(set(order)) or joined(0, res["leaves"], leaves, path).hex() != res["root"] or path: return "false"
        return set(plan) <= opened or None
    def may_grade(self, a, p):  # whether an audit of the challenge counts
        known = a.p["kind"] == "challenge" and a.p["result"] == self.result.id and a.counts and a.upper and self.in_role(a) and not self.pack.withdrawn(a)
        apart = self.policy.independent(a.issuer, [p["lab"], p["evaluator"]]) and (self.set and a.issuer == self.set.issuer or "auditor" in self.policy.roles(a.issuer))
        return known and apart and a.p["challenge"]["opening"] == self.answer
    def graded_alike(self, a, p, rows, plan):
        c, data = a.p["challenge"], self.pack.artifact(a.p["challenge"]["rows"])
        anew = data is not None and tried(lines, data, ROW) or []
        changed = sum(x["grade"] != rows[i]["grade"] for x, i in zip(anew, plan))
        return [place(x) for x in anew] == [place(rows[i]) for i in plan] and c["checked"] == len(anew) and c["changed"] == changed == 0
    def allowed(self, r):  # whether a grade is one of the metric, or an exclusion for a registered reason
        return r["grade"][9:] in self.config["exclusions"] if excluded(r) else self.low <= (g := Fraction(r["grade"])) <= self.high and "response" in r and self.whole(g)
    def better(self, grade, worst, p): return grade > worst if p["metric"]["better"] == "higher" else grade < worst
    def whole(self, grade): return self.low < self.high and (self.reg.p["metric"]["name"] not in PASS or grade in (self.low, self.high))
    def exact(self, rows):  # the score of graded rows with the registered denominator; None if nothing says what it is
        (takes, reduce), wrong = self.metric, self.low if self.reg.p["metric"]["better"] == "higher" else self.high
        items, counted = [list(x) for _, x in itertools.groupby(rows, lambda r: r["item"])], self.config["denominator"] != "left-out"
        kept = [gs for item in items if (gs := [g for r in item for g in ([Fraction(r["grade"])] if not excluded(r) else [wrong] * counted)])]
        return statistics.mean(map(reduce, kept)) if reduce and kept and all(map(self.whole, sum(kept, []))) and all(len(gs) >= takes for gs in items + kept) else None
    def follows(self, exact):  # whether the published score is this one, rounded; None if it is too coarse to tell
        said, scale, unit = Fraction(self.score["score"]), int(self.score["scale"]), Fraction(1, 10 ** self.score["decimals"])
        return None if unit / scale > (self.high - self.low) / 100 or (said / unit).denominator > 1 else abs(exact * scale - said) <= unit / 2
    def audits(self, p):  # whether the published score stands once grades are corrected, by the word of whoever corrected them
        said = {a: Fraction(a.p["regrade"]["score"]) for a in self.pack.of("audit") if a.p["kind"] == "regrade" and a.p.get("result") == self.result.id and "rows" in self.result.p}
        found = [(not self.metric[1] or self.follows(s) is not False) and "attested" for a, s in said.items() if self.regraded(a, unseen=s) == s]
        self.state["audit/regrade"] = worst(found or [None] * len(said))
        if "rows" in self.result.p and self.state["audit/regrade"] != "contradicted" and self.pack.left_out("audit", self.result.id): self.state["audit/regrade"], self.outdated = None, True
    def regraded(self, a, unseen=None):  # the score with an audit's grades; None if they do not count, or unseen where they cannot be seen
        others, p, old = [self.reg.p["lab"], self.reg.p["evaluator"]], a.p.get("regrade"), self.graded
        apart = self.policy.independent(a.issuer, others) and (self.set and a.issuer == self.set.issuer or "auditor" in self.policy.roles(a.issuer))
        counts = a.p.get("result") == self.result.id and a.counts and a.upper and self.in_role(a) and not self.pack.withdrawn(a) and (apart or a.issuer == others[1])
        if not counts or old is None or (data := self.pack.artifact(p["rows"])) is None: return unseen if counts else None
        anew, places = old and tried(lines, data, ROW) or [], iter([place(r) for r in old or []])
        grades = {place(r): r["grade"] for r in anew if len(r) == 3 and place(r) in places}  # in the result's order
        rows = [r | {"grade": grades.get(place(r), r["grade"])} for r in old or []]
        fits = rows and len(grades) == len(anew) == p["checked"] and p["changed"] == sum(r != o for r, o in zip(rows, old))
        return self.exact(rows) if fits and self.config and all(map(self.allowed, rows)) else None
    def models(self, p):
        st, ran, sealed, rel = self.state, p["model"], p["model"]["kind"] == "sealed", self.release.p if self.release and self.release.issuer == p["lab"] else None
        def served(p): return TH("endpoint", *(lp(p.get("endpoint", {}).get(k, "")) for k in ("provider", "url", "model"))).hex()
        if self.model:
            m, roles = self.model.p, self.model.p.get("roles", [])
            id_ = model_id(roles) if ran["kind"] == "weights" else ran["id"] if sealed else served(m)
            st["model/committed"] = self.model.issuer == p["lab"] and m["model"] == ran and ran["id"] == id_ and order(roles) == sorted(set(order(roles)))
        secrets = [s["secret"] for s in rel.get("seals", []) if s["commitment"] == ran["id"]] if rel else []
        opened = secrets and all(commit(s, "model", p["lab"], bytes.fromhex(rel["model"]["id"])) == ran["id"] for s in secrets)
        st["model/seal"] = "n/a" if not sealed else opened if secrets else None
        st["model/package"] = "n/a" if self.release and "package" not in self.release.p else None
        if rel and (sealed or rel["model"] == ran or not self.claim.p.get("variants")): st["model/same-as-released"] = opened or None if sealed else rel["model"] == ran and (ran["kind"] != "endpoint" or served(rel) == ran["id"])
        self.open = rel["model"] if opened else ran
        self.ran = tuple(self.open.values()) if self.reg.counts else None
    def published(self, p):  # what auditors found where the release says that its model is: the worst that counts decides
        st, every = self.state, [a for a in self.pack.of("audit") if a.p["kind"] == "model-match"]
        found = [(a, a.p["modelMatch"]) for a in every if self.found(a, p["lab"])]
        other = [m for _, m in found if m["outcome"] == "mismatch"]
        best = min((x for x in found if x[1]["outcome"] == "match" and self.enough(*x)), key=lambda x: (-x[1]["tier"], x[0].issuer, x[0].seq), default=None)
        left = not other and self.release and any(self.pack.left_out("audit", self.release.id, i) for i in self.policy.issuers if self.auditor(i, p["lab"]))
        st["audit/model-match"] = False if any(commit_in(m["source"]["uri"]) for m in other) else None if other or left or every and not best else "attested" if best else "n/a"
        self.outdated |= bool(left)
        if other or left or not best: return
        st["model/recomputed"], m, pkg = "attested", best[1], self.release.p.get("package")
        st["model/uncovered"] = None if any(m.get("uncovered", {"count": 0})["count"] for _, m in found) else "attested"
        if pkg and m.get("package") == pkg: st["model/package"] = "attested"
    def found(self, a, lab):  # whether it counts what an audit found, of this release and where that says
        m, rel = a.p["modelMatch"], self.release and a.p["release"] == self.release.id and a.ref("release") == [self.release.id] and self.release
        mine = rel and rel.issuer == lab and rel.p["model"] in ({"kind": "weights", "id": m["released"]},) and (rel.p["model"] == self.open or not self.claim.p.get("variants"))
        known = a.counts and a.upper and not self.pack.withdrawn(a) and not self.pack.left_out("retraction", a.id, a.issuer) and self.auditor(a.issuer, lab)
        then = mine and known and self.pack.one_branch({a.issuer}) and not self.pack.other_branch({a.issuer}) and tried(agrees, m) and m["source"]["uri"] in rel.p["published"]
        return then and stamp(m["source"].get("fetched", "2000-01-01T00:00:00Z")) <= self.when(a)[0] + self.policy.skew
    def auditor(self, issuer, lab): return "auditor" in self.policy.roles(issuer) and self.policy.independent(issuer, [lab])
    def enough(self, a, m):  # whether it is read enough of a model that matches, by the reader's policy, and still stands
        s, share, miss = m.get("sample"), self.policy.share, self.policy.miss
        drawn = not s or (s["drawnBy"] == a.issuer or self.policy.independent(s["drawnBy"], [self.reg.p["lab"]])) and (
            s["bytes"] == s["ofBytes"] or miss and (1 - share) ** s["draws"] <= miss)
        return drawn and (self.chain_to_head(a.issuer, [a]) or self.known([{"issuer": a.issuer}], [a.issuer], [a]))
    def verdict(self, same):
        self.state |= {"model/same-in-all-rows": same, "completeness/registrations": self.completeness()}
        s = self.state = {n: STATES.get(v, v) for n, v in self.state.items()}
        self.stale |= self.outdated
        for n in CHECKS:
            against = [self.claim, *(getattr(self, x) for x in COMPARES.get(n, COMPARES.get(n.split("/")[0], "")).split())]
            if s[n] == "contradicted" and not all(x.counts for x in against if x): s[n] = "missing"  # else a stranger could contradict
        reached = {k: all(s[c] in ("proven", "attested", "n/a") for c in NEEDS[k]) and any(s[c] != "n/a" for c in NEEDS[k]) for k in NEEDS}
        reached["V1"] &= s["score/recomputed"] != "attested" or self.policy.independent(self.audit.issuer, [self.reg.p["lab"]])
        self.facets = f = {k: reached[k + "1"] * (1 + reached.get(k + "2", False) * (1 + reached.get(k + "3", False))) for k in "IOCVD"} | {"U": 0}
        self.level = int(bool(f["I"] and f["V"])) if self.reg and self.reg.p.get("retroactive") else 2 * bool(f["I"] > 1 and f["O"] and f["V"] and f["D"])
        self.level += self.level == 2 and f["O"] > 1 and f["C"] > 1 and not self.reg.p.get("items")
        enough = self.level >= LEVELS.index(self.policy.level) and f["C"] and not self.stale and all(f[x[0]] >= int(x[1]) for x in self.policy.facets)
        self.headline = (self.unreadable, "contradicted" in s.values(), self.retracted, not f["V"] or not f["I"], not enough, True).index(True)
def judge(pack):
    tables = [(c, [Row(pack, c, s) for s in c.p.get("scores", [])]) for c in pack.of("claim", "release")]
    for claim, table in tables:
        ran = {r.ran for r in table}
        several, differ = len(ran - {None}) > 1, sum("sealed" not in m for m in ran - {None}) > 1
        same = "n/a" if several and claim.p.get("variants") else False if differ else None not in ran and len(ran) == 1 or None
        for r in table: r.verdict(same)
    rows, standing = sum((t for _, t in tables), []), sum((t for c, t in tables if not pack.replaced(c)), [])
    if not standing: return dict(NONE, headline=HEADLINES[1 if any(s.opens is False for s in pack.of("opening")) else 3])
    return {"headline": HEADLINES[min(r.headline for r in standing)], "level": LEVELS[min(r.level for r in standing)],
            "facets": " ".join(k + str(min(r.facets[k] for r in standing)) for k in "IOCVDU"),
            "stale": any(r.stale for r in standing), "checks": {n: worst(r.state[n] for r in rows) for n in CHECKS}}
def main(args):
    at = args.pop(args.index("--at") + 1) if "--at" in args[:-1] else None
    paths, codes = [Path(a) for a in args if not a.startswith("--")], set()
    text = paths.pop().read_text() if len(paths) == 2 and paths[1].suffix != ".txtar" else None
    if not text: paths = [q for p in paths for q in ([p] if p.suffix == ".txtar" else sorted(p.glob("*.txtar")))]
    if not paths: return print(__doc__, file=sys.stderr) or 2
    for path in paths:
        try:
            files, own, when = read(path)
            v = judge(Pack(files, Policy(text or own), stamp(at or when) if at or when else int(time.time())))
        except (OSError, *BAD) as e: v = dict(NONE, reason=repr(e))
        checks = "".join(f"\n{s} {n}" for n, s in v["checks"].items())
        print(json.dumps(v | {"file": path.name}) if "--json" in args else f"{v['headline']} {v['level']} [{v['facets']}]{checks}")
        codes.add({0: 1, 1: 3, 2: 3, 5: 0}.get(HEADLINES.index(v["headline"]), 4))
    return next(c for c in (3, 1, 4, 0) if c in codes)
if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
