#!/usr/bin/env python3
"""Judges Proctor evidence packs: a second verifier, written from the protocol alone.

    verify.py PACK POLICY [--at TIME]    PACK: a .proctor zip or a directory
    verify.py [--json] FORGERY.txtar     policy and time are inside; several files, or their directory

Written without reading the verifier in Go, so that a rule which one of them has got wrong shows as a difference. It goes
no further than CAL-1: model/recomputed, model/uncovered, order/run-later and completeness/registrations are always missing;
RFC 3161 tokens, audits, openings, ledgers and subjects are not read. It cannot check BLS: a beacon round counts if its JSON
parses and sha256(signature) = randomness. Python 3.11 and the package cryptography.
"""
import base64, calendar, hashlib, hmac, itertools, json, math, re, struct, sys, time, tomllib, zipfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import mean, median, mode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
RANK, LEVELS = ["n/a", "proven", "attested", "missing", "contradicted"], ["CAL-0", "CAL-1-R", "CAL-1", "CAL-2", "CAL-3", "CAL-4"]
HEADLINES = ["CANNOT CHECK", "CONTRADICTED", "RETRACTED", "NOT SUPPORTED", "SUPPORTED WITH GAPS", "SUPPORTED"]
TYPES = "application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.in-toto+json", "https://in-toto.io/Statement/v1"
NEEDS = {k: names.split() for k, names in {  # by facet and level; at 0 a check can only contradict
    "I0": "statement/one-branch retraction/none", "I1": "identity/signed", "I2": "identity/role identity/configuration registration/terms",
    "O1": "order/logged order/registered-before-result", "O2": "order/run-later",
    "C1": "completeness/chains", "C2": "completeness/registrations", "V0": "testset/history result/first",
    "V1": "testset/committed testset/skeleton testset/active registration/items result/evaluator result/items "
          "result/grades result/root result/score score/recomputed score/items",
    "D1": "model/committed model/seal model/same-as-released model/same-in-all-rows", "D2": "model/recomputed model/uncovered", "D0": "model/package"}.items()}
CHECKS = sum(NEEDS.values(), [])
NONE = {"headline": HEADLINES[0], "level": LEVELS[0], "facets": "I0 O0 C0 V0 D0 U0", "stale": False, "checks": {}}
ROLES = "weights config tokenizer chat-template generation-config preprocessor code gguf-kv".split()
NAMES = re.compile(r"entries/[0-9a-f]{64}\.(sigstore\.json|tlog-proof|tsr)|artifacts/[0-9a-f]{64}|beacons/[0-9a-f]{64}-(0|[1-9]\d*)\.json")
SCHEMAS = {f.name.split(".")[0]: json.loads(f.read_text()) for f in (Path(__file__).resolve().parents[3] / "schemas").glob("*.schema.json")}
ROW = re.compile(r'\{"grade":"(?P<grade>excluded:[a-z0-9-]{1,32}|(?!-0")%s)","item":(?P<item>0|[1-9][0-9]*)(,"response":"(?P<response>HASH)")?,"sample":'
                 r'(?P<sample>0|[1-9][0-9]*)(,"trace":"(?P<trace>HASH)")?\}'.replace("HASH", "(?!0{64})[0-9a-f]{64}")
                 % SCHEMAS["common"]["$defs"]["decimal"]["pattern"].strip("^$"))
BAD = ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error, zipfile.BadZipFile
def need(ok, why):
    if not ok: raise ValueError(why)
# §0: hashes, trees, JSON.
def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def u32(n): return struct.pack(">I", n)
def u64(n): return struct.pack(">Q", n)
def lp(x): return u64(len(x.encode() if isinstance(x, str) else x)) + (x.encode() if isinstance(x, str) else x)
def tag(t): return b"proctor/v1/" + t.encode() + b"\n"
def TH(t, *parts): return H(tag(t), *parts)
def split(n): return 1 << (n - 1).bit_length() - 1
def root(d): return H(b"\1", root(d[:split(len(d))]), root(d[split(len(d)):])) if len(d) > 1 else d[0] if d else H(b"")
def climb(leaf, i, n, path):  # the root that a path leads to from leaf i of n; it takes the path's hashes from the end
    if n == 1: return leaf
    k, other = split(n), path.pop()
    return H(b"\1", climb(leaf, i, k, path), other) if i < k else H(b"\1", other, climb(leaf, i - k, n - k, path))
def grown(m, n, path, old=None):  # the roots of the first m and of all n leaves that a consistency proof leads to; old is known
    if m == n or not path: return (old or (path.pop() if path else b""),) * 2
    k, other = split(n), path.pop()
    a, b = grown(m, k, path, old) if m <= k else grown(m - k, n - k, path)
    return (a, H(b"\1", b, other)) if m <= k else (H(b"\1", other, a), H(b"\1", other, b))
def number(text):
    need((value := Decimal(repr(float(text)))) == Decimal(text), "number " + text)  # the shortest form's, as JCS writes it
    return int(value) if abs(value) < 10**21 and value == int(value) else float(text)
def members(pairs): return dict(pairs) if len(dict(pairs)) == len(pairs) else need(False, "a name twice")
def parse(data, exactly=False):
    v = json.loads(data.decode(), object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=int)
    return v if jcs(v).encode() == data or not exactly else need(False, "not canonical")
def jcs(v, depth=1):
    need(depth <= 64 or not isinstance(v, (dict, list)), "too deep")
    if isinstance(v, dict): return "{" + ",".join(jcs(n) + ":" + jcs(v[n], depth + 1) for n in sorted(v, key=lambda s: s.encode("utf-16-be"))) + "}"
    if isinstance(v, list): return "[" + ",".join(jcs(x, depth + 1) for x in v) + "]"
    if not isinstance(v, float): return json.dumps(v, ensure_ascii=False)
    m, _, e = repr(v).partition("e")
    return format(Decimal(repr(v)), "f") if e in ("-05", "-06") else m + ("e%+d" % int(e) if e else "")
def b64(s): return base64.b64decode(s, validate=True)
def stamp(s): return calendar.timegm(time.strptime(s, "%Y-%m-%dT%H:%M:%SZ"))
def valid(v, s, doc):  # JSON Schema, as far as the project's schemas use it
    if isinstance(s, bool): return s
    (where, _, name), what = s.get("$ref", "").partition("#/$defs/"), {str: "Length", list: "Items", dict: "Properties"}.get(type(v))
    kind = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}.get(type(v), "null")
    size, low, high = (len(v), "min" + what, "max" + what) if what else (v, "minimum", "maximum")
    if not (s.get("type", kind) in (kind, "number" if kind == "integer" else kind) and (not name or valid(v, (d := SCHEMAS["common"] if where else doc)["$defs"][name], d))
            and ("const" not in s or type(v) is type(s["const"]) and v == s["const"]) and ("enum" not in s or v in s["enum"])
            and not ("not" in s and valid(v, s["not"], doc)) and any(valid(v, x, doc) for x in s.get("anyOf", [True]))
            and (kind in ("boolean", "null") or s.get(low, -math.inf) <= size <= s.get(high, math.inf))
            and sum(valid(v, x, doc) for x in s.get("oneOf", [True])) == 1): return False
    if kind == "array": return all(valid(x, s.get("items", True), doc) for x in v) and not (s.get("uniqueItems") and len({jcs(x) for x in v}) < len(v))
    if kind == "object":
        rules = {n: [r for p, r in s.get("patternProperties", {}).items() if re.search(p, n)]
                 + [r for p, r in s.get("properties", {}).items() if p == n] or [s.get("additionalProperties", True)] for n in v}
        return set(s.get("required", [])) <= set(v) and all(valid(v[n], r, doc) for n in v for r in rules[n])
    return kind != "string" or bool(re.search(re.sub(r"\$$", r"\\Z", s.get("pattern", "")), v))

# §7: the policy; cosigned checkpoints.
class Policy:
    def __init__(self, text):
        t = tomllib.loads(text)
        def seconds(k): return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[u] for n, u in re.findall(r"(\d+)([hms])", t["time"][k]))
        self.fresh, self.skew, self.level = seconds("freshness"), seconds("skew"), LEVELS.index(t["require"]["level"])
        self.facets, self.groups, self.operators, self.deny = t["require"].get("facets", []), t.get("independent", []), t.get("operators", {}), t.get("deny", {})
        self.beacons, self.issuers = {b["chain"]: b for b in t.get("beacon", [])}, {i["uri"]: i for i in t.get("issuer", [])}
        for k in (k for i in self.issuers.values() for k in i.get("key", [])):
            k["public"] = serialization.load_pem_public_key(k["pem"].encode())
            k["denied"] = H(k["public"].public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hex() in self.deny.get("keys", [])
        lines = [w for w in (line.split("#")[0].split() for line in t["ledger"]["policy"].splitlines()) if w]
        self.logs, self.witnesses = [vkey(w[1], 1) for w in lines if w[0] == "log"], {w[1]: vkey(w[2], 4) for w in lines if w[0] == "witness"}
        self.quorums = {w[1]: ({"any": 1, "all": len(w) - 3}.get(w[2]) or int(w[2]), w[3:]) for w in lines if w[0] == "group"}
        self.quorum = next(w[1] for w in lines if w[0] == "quorum")
    def met(self, by, name):
        k, group = self.quorums.get(name, (0, []))
        return sum(self.met(by, m) for m in group) >= k if group else name == "none" or name in by
    def names(self, uri): return next((n for i in self.issuers.values() if uri in (n := {i["uri"], *i.get("aliases", [])})), {uri})
    def independent(self, a, others):
        return all(not (x := self.names(a)) & (y := self.names(b)) and any(x & set(g) and y & set(g) for g in self.groups) for b in others)
def vkey(text, kind):
    name, keyhash, data = text.split("+", 2)
    need(b64(data)[0] == kind and H(name.encode(), b"\n", b64(data))[:4].hex() == keyhash, "vkey " + text)
    return name, bytes.fromhex(keyhash), ed25519.Ed25519PublicKey.from_public_bytes(b64(data)[1:])
def verifies(key, sig, text):
    try: return key.verify(sig, text, *([ec.ECDSA(hashes.SHA256())] if isinstance(key, ec.EllipticCurvePublicKey) else [])) is None
    except (InvalidSignature, ValueError, TypeError): return False
def bound(policy, entry, proof, at):  # the times at which a quorum had cosigned, each with who had by then, and the tree; or None
    m = re.fullmatch(r"c2sp\.org/tlog-proof@v1\n(?:extra \S*\n)?index (0|[1-9]\d*)\n((?:\S+\n)*)\n((.+)\n(0|[1-9]\d*)\n(\S+)\n(?:.+\n)*)\n((?:— \S+ \S+\n)+)",
                     proof.decode(errors="replace"))
    try:
        index, path, note, origin, size, top, tail = m.groups()
        path, note = [b64(x) for x in path.split()], note.encode()
        need(int(index) < int(size) and climb(H(b"\0", entry), int(index), int(size), path) == b64(top) and not path, "not included")
        sigs = [(name, b64(sig)) for _, name, sig in (x.split(" ") for x in tail.splitlines())]
    except BAD: return None
    def by(key): return [s[4:] for name, s in sigs if (name, s[:4]) == key[:2]]
    logged = any(key[0] == origin and verifies(key[2], s, note) for key in policy.logs for s in by(key))
    times = {w: [t for s in by(key) if len(s) == 72 and 0 < (t := int.from_bytes(s[:8], "big")) <= at
                 and verifies(key[2], s[8:], b"cosignature/v1\ntime %d\n" % t + note)] for w, key in policy.witnesses.items()}
    met = [(t, by) for t in sorted(sum(times.values(), []))
           if policy.met(by := {w for w in times if min(times[w], default=math.inf) <= t}, policy.quorum)]
    return (met, (origin, size, top)) if met and logged and not policy.met((), policy.quorum) else None

# §1: statements and packs.
class Statement:
    def __init__(self, name, entry, policy):
        bundle = parse(entry, exactly=True)
        env, (sig,), payload = bundle["dsseEnvelope"], bundle["dsseEnvelope"]["signatures"], b64(bundle["dsseEnvelope"]["payload"])
        body = parse(payload, exactly=True)
        self.p, self.id = body["predicate"], TH("statement", lp(payload)).hex()
        self.kind = re.fullmatch(r"https://proctor-attest\.github\.io/schemas/([a-z-]+)/v1", body["predicateType"])[1]
        self.issuer, self.seq, self.prev = (self.p[k] for k in ("issuer", "seq", "prev"))
        pae = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
        self.keys = [k for k in policy.issuers.get(self.issuer, {}).get("key", []) if not k["denied"] and verifies(k["public"], b64(sig["sig"]), pae)]
        need((bundle["mediaType"], env["payloadType"], body["_type"]) == TYPES and name == self.id and len(entry) < 65536, "form of " + name)
        need(stamp(self.p.get("deadline", "2000-01-01T00:00:00Z")) and valid(self.p, SCHEMAS.get(self.kind, True), SCHEMAS.get(self.kind)), f"{self.kind} {name} is not as its schema says")
    def ref(self, role): return ids if len(ids := [r["id"] for r in self.p["refs"] if r["role"] == role]) == 1 else []

class Pack:
    def __init__(self, files, policy, at):
        self.policy, self.at, self.files, self.statements = policy, at, files, {}
        for name, data in files.items():
            need(NAMES.fullmatch(name) and (name[:10] != "artifacts/" or H(data).hex() == name[10:]), name + ": unknown, or other bytes")
            need(not name.endswith((".tlog-proof", ".tsr")) or name[:72] + ".sigstore.json" in files, name + ": without its entry")
            if name.endswith(".sigstore.json"):
                s = self.statements[name[8:72]] = Statement(name[8:72], data, policy)
                s.upper = bound(policy, data, files.get(name[:72] + ".tlog-proof", b""), at + policy.skew)
        split = {t[0] for t, u in itertools.combinations({s.upper[1] for s in self.statements.values() if s.upper}, 2) if t[:2] == u[:2]}
        for s in self.statements.values():
            s.upper = s.upper and s.upper[1][0] not in split and s.upper or None  # not by a ledger with two histories
            s.lower, t = self.lower(s), self.when(s, {s.issuer})[0]
            s.counts = s.id not in policy.deny.get("statements", []) and any(
                not {"from", "until"} & set(k) or t is not None and ("from" not in k or k["from"].timestamp() <= s.upper[0][0][0])
                and ("until" not in k or t <= k["until"].timestamp()) for k in s.keys)
    def when(self, s, parties):  # an entry's upper bound in time, and whether an operator independent of the parties vouches for it
        sure = [t for t, by in s.upper[0] if any(self.policy.independent(self.policy.operators.get(w, ""), parties) for w in by)] if s.upper else []
        return (sure[0], True) if sure else (s.upper[0][0][0], False) if s.upper else (None, None)
    def of(self, *kinds): return [s for s in self.statements.values() if s.kind in kinds]
    def artifact(self, ref):
        if (data := self.files.get("artifacts/" + ref["sha256"])) is not None: need(len(data) == ref["size"], "size of artifact " + ref["sha256"])
        return data
    def lower(self, s):
        r = s.p.get("notBefore") or {"chain": "", "round": 0}
        j = parse(self.files.get("beacons/%s-%d.json" % (r["chain"], r["round"]), b"{}")) if (b := self.policy.beacons.get(r["chain"])) else {}
        good = j and j["round"] == r["round"] > 0 and j.get("randomness", h := H(bytes.fromhex(j["signature"])).hex()) == h
        return b["genesis"] + (r["round"] - 1) * b["period"] if good else None

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
        names = [i.filename for i in z.infolist()]
        need(len({n.lower() for n in names}) == len(names) and sum(i.file_size for i in z.infolist()) < 1 << 30, "a name twice, or too much")
        return {n: z.read(n) for n in names}, None, None

# §5: what a metric makes of the grades of an item's samples.
PASS = "pass@k", "pass^k"
def reducer(m, samples):  # how many samples a metric takes, and what reduces them to one number; None if it is not known here
    p, lo, hi, reduce = m.get("parameters", {}), Fraction(m["min"]), Fraction(m["max"]), m.get("parameters", {}).get("reduce", "")
    best, worst = (hi, lo) if m["better"] == "higher" else (lo, hi)
    k = int(p["k"]) if re.fullmatch("[1-9][0-9]{0,4}", p.get("k", "")) else 0
    def drawn(grade, gs): return Fraction(math.comb(gs.count(grade), k), math.comb(len(gs), k))  # the chance that k have it
    ways = {"": mean, "max": max, "median": median, "mode": mode, "at_least": lambda gs: best if gs.count(best) >= k else worst}
    ways = dict.fromkeys(("mean", "accuracy", "exact_match"), ways) | {"pass@k": {"": lambda gs: 1 - drawn(lo, gs)}, "pass^k": {"": lambda gs: drawn(hi, gs)}}
    fits = 0 < k <= min(samples, 10000) if m["name"] in PASS or reduce == "at_least" else "k" not in p
    fits = fits and lo < hi and (m["name"] == "mean" or (lo, hi) == (0, 1)) and (m["name"] not in PASS or best == hi)
    return k, ways.get(m["name"], {}).get(reduce) if fits else None

# §2 to §7: a published score. True is proven, False contradicted, None missing.
class Row:
    def __init__(self, pack, claim, score):
        def get(kind, ids): return next((s for i in ids if (s := pack.statements.get(i)) and s.kind == kind), None)
        self.pack, self.policy, self.claim, self.score = pack, pack.policy, claim, score
        self.state, self.unreadable, self.model_id, self.skeleton, self.active = dict.fromkeys(CHECKS), False, None, None, None
        self.result = get("result", [score["result"]])
        self.reg = get("registration", self.result.ref("registration")) if self.result else None
        self.set, self.model = (get(k, self.reg.ref(k)) if self.reg else None for k in ("testset", "model"))
        self.release = claim if claim.kind == "release" else self.reg and self.find_release()
        self.whole = all(four := (self.set, self.model, self.reg, self.result))
        self.relied = {s.id: s for s in (*four, claim, self.release) if s}
        self.statements()
        for part in (self.registration, self.rows, self.models) if self.reg else (): part(self.reg.p)
    def opened(self, release):  # whether a release opens the registered seal; None if it does not try
        text = tag("field") + lp("model") + lp(release.issuer) + lp(bytes.fromhex(release.p["model"]["id"]))
        tries = [s for s in release.p.get("seals", []) if s["commitment"] == self.reg.p["model"]["id"]]
        return all(hmac.digest(bytes.fromhex(s["secret"]), text, "sha256").hex() == s["commitment"] for s in tries) if tries else None
    def find_release(self):
        ran, cited = self.reg.p["model"], self.claim.ref("release")
        found = [s for s in self.pack.of("release") if s.issuer == self.reg.p["lab"] and s.counts
                 and (s.id in cited or s.p["model"] == ran or self.opened(s))]
        return min(found, key=lambda s: (s.id not in cited, s.seq), default=None)
    def when(self, s): return self.pack.when(s, {s.issuer} | ({self.reg.p["lab"], self.reg.p["evaluator"]} if self.reg else set()))
    def in_role(self, s):
        parties = [r for r in ("lab", "evaluator") if self.reg.p[r] == s.issuer]
        may = {"testset": ["owner"], "result": ["evaluator"], "registration": parties}.get(s.kind, parties[:1] if "lab" in parties else [])
        return s.kind == "claim" or bool(set(may) & set(self.policy.issuers.get(s.issuer, {}).get("roles", [])))
    def chain_to_head(self, issuer):  # whether an issuer's chain reaches a fresh head, itself dated by a sure bound; None if not
        now = range(self.pack.at - self.policy.fresh, self.pack.at + self.policy.skew + 1)
        for h in (h for h in self.pack.of("head") if h.issuer == issuer and h.upper and h.lower in now):
            chain, s = {}, h
            while s and s.counts and s.issuer == issuer and s.seq == h.seq - len(chain):
                chain[s.id], s = s, self.pack.statements.get(s.prev)
            if all(r.id in chain for r in self.relied.values() if r.issuer == issuer): return self.when(h)[1]
    def statements(self):
        st, relied, issuers = self.state, self.relied.values(), {s.issuer for s in self.relied.values()}
        mine = [s for s in self.pack.statements.values() if s.keys and s.issuer in issuers]
        branch = {(s.issuer, s.seq): s.id for s in mine}
        def torn(s, prev):
            return (s.prev != branch.get((s.issuer, s.seq - 1), s.prev if s.seq else "0" * 64) or s.kind == "head" and s.p["newest"] != s.seq - 1
                    or prev and (prev.issuer, prev.seq) != (s.issuer, s.seq - 1))
        st["statement/one-branch"] = len(branch) == len(mine) and not any(torn(s, self.pack.statements.get(s.prev)) for s in mine) and "attested"
        st["completeness/chains"] = None if None in (ends := [self.chain_to_head(i) for i in issuers]) or not self.whole else True if all(ends) else "attested"
        self.retracted = any(s.counts and (s.lower or 0) <= self.pack.at + self.policy.skew and s.p["target"] in self.relied
                             and self.relied[s.p["target"]].issuer == s.issuer for s in self.pack.of("retraction"))
        st["retraction/none"] = "attested" if st["completeness/chains"] and not self.retracted else None
        if self.whole:
            st["identity/signed"] = all(s.counts for s in relied) or None
            st["identity/role"] = all(self.in_role(s) for s in relied) or None
            st["order/logged"] = None if None in (b := [self.when(s)[1] for s in relied]) else True if all(b) else "attested"
    def registration(self, p):
        st, reg, res = self.state, self.reg, self.result
        announced, end = self.when(reg)[0], res.upper and self.when(res)[0] + self.policy.skew
        if announced: st["registration/terms"] = stamp(p["deadline"]) <= announced + 90 * 86400 + self.policy.skew
        st["order/registered-before-result"] = (False if res.p["runID"] != reg.id or end and (reg.lower or 0) > end
                                                else end and announced and announced <= end or None)  # its id is inside the result
        data, self.config = self.pack.artifact(p["configuration"]), None
        if data is not None:
            try:
                need(valid(c := parse(data, exactly=True), *2 * [SCHEMAS["configuration"]]), "configuration")
                fits = c["evaluator"] == p["evaluator"] and (c["relation"] == "first-party" or not self.policy.names(p["lab"]) & self.policy.names(p["evaluator"]))
                st["identity/configuration"], self.config = fits and ('"unknown"' not in jcs(c) or None), c
            except BAD: st["identity/configuration"] = False
        if self.set:
            t, v, bm, n = self.set.p, self.set.p["version"], self.pack.artifact(self.set.p["bitmap"]), p["testset"]["size"]
            id_ = TH("testset", lp(t["issuer"]), lp(t["name"])).hex()
            same = p["testset"] == dict(v, setID=id_) and p["testsetName"] == t["name"] and t["setID"] == id_
            st["testset/committed"] = same and (t["setID"] not in self.policy.deny.get("sets", []) or None)
            st["testset/history"], sk, self.active = self.history(self.set), self.pack.artifact(t["skeleton"]), self.listed(t["bitmap"], n) or None
            if sk is not None:
                leaves = [sk[i:i + 32] for i in range(0, len(sk), 32)]
                st["testset/skeleton"] = len(sk) == 32 * v["size"] and root(leaves).hex() == v["root"]
                self.skeleton = leaves if len(sk) == 32 * n else None
            if bm is not None:
                st["testset/active"] = self.listed(t["bitmap"], v["size"]) is not None and TH("active", u64(v["size"]), bm).hex() == v["active"]
        chosen, said = p.get("items"), self.score.get("items")
        self.items, st["registration/items"], st["score/items"] = self.active, "n/a", False if said else "n/a"
        if chosen:
            bits, known = self.listed(chosen["bitmap"], p["testset"]["size"]), self.active and self.pack.artifact(chosen["bitmap"]) is not None
            st["registration/items"] = bits is not None and len(bits) == chosen["count"] and set(bits) <= set(self.active) if known else None
            self.items = bits if st["registration/items"] else None
            st["score/items"] = said == f"{chosen['count']} of {len(self.active)}" if said and self.active else None if said else False
    def listed(self, artifact, size):  # the items in a bitmap; None unless it is one of so many
        bm = self.pack.artifact(artifact)
        bits = [i for i in range(len(bm or b"") * 8) if bm[i // 8] >> 7 - i % 8 & 1]
        return bits if bm is not None and len(bm) == (size + 7) // 8 and max(bits, default=0) < size else None
    def history(self, s):  # whether a version of a set, and each before it, follows from the one before
        if len(named := [r for r in s.p["refs"] if r["role"] == "testset"]) != 1:
            return False if named or {"edits", "consistency"} & set(s.p) else "n/a"
        old, v, edits = next((x for x in self.pack.of("testset") if x.id in s.ref("testset")), None), s.p["version"], s.p.get("edits", [])
        before, now = (x and self.listed(x.p["bitmap"], x.p["version"]["size"]) for x in (old, s))
        gone, new = {e["retired"] for e in edits}, [e["successor"] for e in edits if "successor" in e]
        def place(x): return x.issuer, x.p["setID"], x.ref("testset")
        if sum(bool(x.keys) and place(x) == place(s) for x in self.pack.of("testset")) > 1: return False
        if not old or not old.counts: return None
        w, path, roots = old.p["version"], [bytes.fromhex(x) for x in s.p.get("consistency", [])], [bytes.fromhex(x["root"]) for x in (old.p["version"], v)]
        fits = w["size"] <= v["size"] and list(grown(w["size"], v["size"], path, roots[0])) == roots and not path
        fits = fits and place(old)[:2] == place(s)[:2] and all(w["size"] <= i < v["size"] for i in new)
        if not fits or len(gone) < len(edits) or len(set(new)) < len(new): return False
        if before is None or now is None: return None
        kept = {i for i in now if i < w["size"]} == set(before) - gone and gone <= set(before) and set(new) <= set(now)
        return kept and {"n/a": True}.get(h := self.history(old), h)
    def rows(self, p):
        st, res, data, conf, m = self.state, self.result.p, self.pack.artifact(self.result.p.get("rows", {"sha256": ""})), self.config, p["metric"]
        st["result/evaluator"] = self.result.issuer == p["evaluator"] or (False if self.result.counts else None)
        rivals = [s for s in self.pack.of("result") if s.keys and s.issuer == self.result.issuer and s.p["runID"] == res["runID"]]
        st["result/first"] = all(s.seq >= self.result.seq for s in rivals) and "attested"
        if data is None: return
        try:
            rows = [ROW.fullmatch(x).groupdict() for x in data.decode().split("\n")[:-1]]
            heads = [u64(int(r["item"])) + u32(int(r["sample"])) for r in rows]
            need(data[-1:] == b"\n", "no rows, or no newline at the end")
        except BAD: return st.update({"result/root": False})
        if self.items is not None:
            st["result/items"] = heads == [u64(i) + u32(s) for i in self.items for s in range(p["samples"])]
        if self.skeleton is not None:
            tails = [b"".join(bytes.fromhex(r[k] or "0" * 64) for k in ("response", "trace")) + lp(r["grade"]) for r in rows]
            leaves = [H(b"\0", tag("result"), bytes.fromhex(res["runID"]), h, self.skeleton[int(r["item"])], t)
                      for r, h, t in zip(rows, heads, tails) if int(r["item"]) < len(self.skeleton)]
            st["result/root"] = len(leaves) == len(rows) == res["leaves"] and root(leaves).hex() == res["root"]
        if conf is None: return
        grades = [None if r["grade"][0] == "e" else Fraction(r["grade"]) for r in rows]
        lo, hi, (takes, reduce) = Fraction(m["min"]), Fraction(m["max"]), reducer(m, p["samples"])
        partial = m["name"] in PASS and not {lo, hi, None}.issuperset(grades)
        st["result/grades"] = not partial and all(r["grade"][9:] in conf["exclusions"] if g is None else lo <= g <= hi > lo and r["response"]
                                                  for r, g in zip(rows, grades))
        stead = [] if conf["denominator"] == "left-out" else [lo if m["better"] == "higher" else hi]
        items = [[g for _, g in x] for _, x in itertools.groupby(zip(rows, grades), lambda x: x[0]["item"])]
        kept = [gs for item in items if (gs := [x for g in item for x in (stead if g is None else [g])])]
        self.unreadable = not reduce
        if reduce and kept and not partial and all(len(gs) >= takes for gs in items + kept):
            exact, said, scale = mean(map(reduce, kept)), self.score["score"], int(self.score["scale"])
            st["result/score"] = str(exact) == res["score"] and grades.count(None) == res["excluded"]
            unit = Fraction(1, 10 ** self.score["decimals"])
            self.unreadable = unit / scale > (hi - lo) / 100 or (Fraction(said) / unit).denominator > 1
            st["score/recomputed"] = None if self.unreadable else abs(exact * scale - Fraction(said)) <= unit / 2
    def models(self, p):
        st, ran, sealed, rel = self.state, p["model"], p["model"]["kind"] == "sealed", self.release and self.release.p
        def served(p): return TH("endpoint", *(lp(p.get("endpoint", {}).get(k, "")) for k in ("provider", "url", "model"))).hex()
        if self.model:
            p, roles = self.model.p, self.model.p.get("roles", [])
            order = [ROLES.index(r["role"]) if r["role"] in ROLES else 99 + int(r["role"][8:]) for r in roles]
            parts = (lp(r["role"]) + bytes.fromhex(r["digest"]) for r in roles)
            id_ = TH("model", u32(len(order)), *parts).hex() if ran["kind"] == "weights" else ran["id"] if sealed else served(p)
            st["model/committed"] = self.model.issuer == self.reg.p["lab"] and p["model"] == ran and ran["id"] == id_ and order == sorted(set(order))
        opened = self.opened(self.release) if sealed and rel else None
        st["model/seal"], st["model/package"] = opened if sealed else "n/a", None if not rel or "package" in rel else "n/a"
        if rel:
            st["model/same-as-released"] = opened or None if sealed else rel["model"] == ran and (ran["kind"] != "endpoint" or served(rel) == ran["id"])
        self.model_id = (rel["model"]["id"] if opened else None) if sealed else ran["id"]
    def verdict(self, more):
        s = self.state = {n: {True: "proven", False: "contradicted", None: "missing"}.get(v, v) for n, v in (self.state | more).items()}
        reached = {k: all(s[c] in ("proven", "attested", "n/a") for c in NEEDS[k]) for k in NEEDS}
        self.facets = f = {k: reached[k + "1"] * (1 + reached.get(k + "2", False)) for k in "IOCVD"} | {"U": 0}
        past, bound = self.reg and self.reg.p.get("retroactive"), f["I"] and f["V"]
        self.level = int(bool(bound)) if past else 2 * bool(bound and f["I"] > 1 and f["O"] and f["D"])
        self.stale = s["completeness/chains"] == "missing"
        enough = self.level >= self.policy.level and f["C"] and all(f[x[0]] >= int(x[1]) for x in self.policy.facets)
        tests = self.unreadable, "contradicted" in s.values(), self.retracted, not f["V"] or not f["I"], not enough
        self.headline = tests.index(True) if True in tests else 5

def judge(pack):
    tables = [(c, [Row(pack, c, s) for s in c.p.get("scores", [])]) for c in pack.of("claim", "release")]
    for claim, table in tables:
        known, variants = [r.model_id for r in table if r.reg and r.reg.counts], claim.p.get("variants")
        same = (False if len({*known} - {None}) > 1 and not variants else None if len(known) < len(table)
                else True if variants or len(table) == 1 else None not in known or None)
        for r in table: r.verdict({"model/same-in-all-rows": same})
    rows = sum((t for _, t in tables), [])
    return dict(NONE, headline=HEADLINES[3]) if not rows else {
        "headline": HEADLINES[min(r.headline for r in rows)], "level": LEVELS[min(r.level for r in rows)], "stale": any(r.stale for r in rows),
        "facets": " ".join(k + str(min(r.facets[k] for r in rows)) for k in "IOCVDU"),
        "checks": {n: max((r.state[n] for r in rows), key=RANK.index) for n in CHECKS}}

def main(args):
    at = args.pop(args.index("--at") + 1) if "--at" in args[:-1] else None
    paths, codes = [Path(a) for a in args if not a.startswith("--")], set()
    text = paths.pop().read_text() if len(paths) == 2 and paths[1].suffix != ".txtar" else None
    paths = sorted(paths[0].glob("*.txtar")) if len(paths) == 1 and paths[0].is_dir() and not text else paths
    if not paths or not text and any(p.suffix != ".txtar" for p in paths): return print(__doc__, file=sys.stderr) or 2
    for path in paths:
        try:
            files, own, when = read(path)
            v = judge(Pack(files, Policy(text or own), stamp(at or when) if at or when else int(time.time())))
        except BAD as e: v = dict(NONE, reason=repr(e))
        print(json.dumps(v | {"file": path.name}) if "--json" in args else "\n".join(
            [f"{v['headline']} {v['level']} [{v['facets']}]", *(f"{s} {n}" for n, s in v["checks"].items())]))
        codes.add({0: 1, 1: 3, 2: 3, 5: 0}.get(HEADLINES.index(v["headline"]), 4))
    return next(c for c in (3, 1, 4, 0) if c in codes)

if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
