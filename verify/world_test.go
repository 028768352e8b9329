package verify

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/verify/challenge/localbeacon"
)

const (
	owner     = "https://owner.example"
	lab       = "https://lab.example"
	evaluator = "https://evaluator.example"
	operator  = "https://witness.example"
	stranger  = "https://stranger.example"
	monitor   = "https://monitor.example"

	logOrigin = "ledger.example/log"
	witName   = "witness.example/w1"
)

var (
	genesis  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	started  = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) // first entry's cosignature
	headTime = time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC)
	judgedAt = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
)

// world makes an honest pack of four parties, every key and time fixed, with hooks
// where a forger would step in. The same hooks give the same bytes.
type world struct {
	t       testing.TB
	hooks   hooks
	beacon  *localbeacon.Beacon
	chains  map[string][]*attest.Entry
	log     []*attest.Entry
	pack    *attest.Pack
	version *testset.Version
	rows    []run.Row
	origin  string // of the ledger, if not logOrigin
}

// hooks change statements before they are signed, or the pack when it is done.
type hooks struct {
	testset      func(*world, *attest.Testset)
	next         func(*world, *attest.Testset) // there is a second version; it may be changed
	model        func(*world, *attest.Model)
	early        func(w *world, set, model *attest.Entry) // before the run is registered
	registration func(*world, *attest.Registration)
	registered   func(w *world, set, registration *attest.Entry)
	rows         func(*world, []run.Row) []run.Row
	result       func(*world, *attest.Result)
	afterResult  func(*world)
	release      func(*world, *attest.Release)
	released     func(w *world, release *attest.Entry)
	keyFor       func(kind, issuer string) string // whose key signs
	pack         func(*world)
	shown        func(*world) []byte // a proof under the checkpoint of the ledger that is scanned
	policy       func(string) string
	logged       func(i int) time.Time
	configure    func(map[string]any)
	beforeLog    func(*world, *attest.Entry)
	sealed       bool
	reporter     string           // who issues the result, if not the evaluator
	version      *testset.Version // the set, if not the six items
	items        string           // those of the set, if not the six
	grades       []string         // of each item, one for each of its samples
}

func seedKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("proctor test key of " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicPEM(t testing.TB, name string) string {
	der, err := x509.MarshalPKIXPublicKey(seedKey(name).Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func newWorld(t testing.TB, h hooks) *world {
	t.Helper()
	w := &world{t: t, hooks: h, chains: map[string][]*attest.Entry{}, pack: attest.NewPack()}
	var err error
	if w.beacon, err = localbeacon.New(bytes.Repeat([]byte{7}, 32), "test", 3, genesis); err != nil {
		t.Fatal(err)
	}
	w.build()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) build() {
	set := w.commitSet()
	if w.hooks.next != nil {
		set = w.nextSet(set)
	}
	m := w.commitModel()
	if w.hooks.early != nil {
		w.hooks.early(w, set, m)
	}
	reg := w.register(set, m)
	if w.hooks.registered != nil {
		w.hooks.registered(w, set, reg)
	}
	result := w.report(reg)
	if w.hooks.afterResult != nil {
		w.hooks.afterResult(w)
	}
	release := w.release(m, result)
	if w.hooks.released != nil {
		w.hooks.released(w, release)
	}
	for _, party := range []string{owner, evaluator, lab} {
		if len(w.chains[party]) > 0 {
			w.head(party, headTime)
		}
	}
	w.prove()
	if w.hooks.pack != nil {
		w.hooks.pack(w)
	}
}

// issue signs the next statement of an issuer's chain and logs it.
func (w *world) issue(issuer string, p attest.Predicate) *attest.Entry {
	w.t.Helper()
	e := w.sign(issuer, p)
	if w.hooks.beforeLog != nil {
		w.hooks.beforeLog(w, e)
	}
	w.log = append(w.log, e)
	w.pack.Entries[e.Statement.ID] = e
	return e
}

func (w *world) sign(issuer string, p attest.Predicate) *attest.Entry {
	w.t.Helper()
	chain := w.chains[issuer]
	head := p.Head()
	head.Issuer, head.Seq = issuer, uint64(len(chain))
	if len(chain) > 0 {
		head.Prev = chain[len(chain)-1].Statement.ID
	}
	e := w.signAs(issuer, p)
	w.chains[issuer] = append(chain, e)
	return e
}

func (w *world) signAs(issuer string, p attest.Predicate) *attest.Entry {
	w.t.Helper()
	signer := issuer
	if w.hooks.keyFor != nil {
		signer = w.hooks.keyFor(p.Kind(), issuer)
	}
	st, err := attest.NewStatement(p)
	w.must(err)
	bundle, err := attest.FormatBundle(st.Payload, ed25519.Sign(seedKey(signer), attest.PAE(st.Payload)), "test")
	w.must(err)
	e, err := attest.ParseEntry(bundle)
	w.must(err)
	return e
}

func (w *world) commitSet() *attest.Entry {
	if w.version = w.hooks.version; w.version == nil {
		w.version = w.commitItems(cmp.Or(w.hooks.items, sixItems()))
	}
	p := w.testset()
	if w.hooks.testset != nil {
		w.hooks.testset(w, p)
	}
	return w.issue(owner, p)
}

func sixItems() string { return sums(6) }

func sums(n int) string {
	var items strings.Builder
	for i := range n {
		fmt.Fprintf(&items, `{"id":"q%d","question":"What is %d + %d?","answer":"%d"}`+"\n", i, i, 2*i, 3*i)
	}
	return items.String()
}

// testset says what w.version is.
func (w *world) testset() *attest.Testset {
	return &attest.Testset{
		SetID: w.version.ID, Name: "sums", Fields: w.version.Fields, KeyMember: w.version.Key, Access: "private",
		Version:  attest.Version{Size: w.version.Size, Root: w.version.Root, Active: w.version.Active},
		Skeleton: w.pack.AddArtifact(testset.FormatSkeleton(w.version.Leaves), "application/vnd.proctor.skeleton", "skeleton"),
		Bitmap:   w.pack.AddArtifact(w.version.Bitmap, "application/vnd.proctor.bitmap", "bitmap"),
	}
}

func itemsOf(text string) testset.Source {
	return testset.Source{Name: "items", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func (w *world) commitItems(text string) *testset.Version {
	src := itemsOf(text)
	shape, err := testset.Survey(w.t.Context(), src, testset.Options{})
	w.must(err)
	v, err := testset.Commit(w.t.Context(), src, shape, testset.Config{Issuer: owner, Name: "sums", Secret: itemsSecret}, io.Discard)
	w.must(err)
	return v
}

var itemsSecret = testset.Secret{1, 2, 3}

// store is the owner's of the set's first version.
func (w *world) store() *testset.Store {
	dir := filepath.Join(w.t.TempDir(), "store")
	_, err := testset.CreateStore(dir, itemsSecret, func(private io.Writer) (*testset.Version, error) {
		src := itemsOf(sixItems())
		shape, err := testset.Survey(w.t.Context(), src, testset.Options{})
		w.must(err)
		return testset.Commit(w.t.Context(), src, shape, testset.Config{Issuer: owner, Name: "sums", Secret: itemsSecret}, private)
	})
	w.must(err)
	store, err := testset.OpenStore(dir)
	w.must(err)
	return store
}

// nextSet makes a second version: q1 is revised, q2 retired, one item is new. Its
// six active items get rows of their own.
func (w *world) nextSet(first *attest.Entry) *attest.Entry {
	store := w.store()
	defer store.Close()
	change := testset.Change{Retire: []testset.Key{`"q2"`}, Reason: "wrong",
		Source: itemsOf(`{"id":"q1","question":"What is 1 + 2?","answer":"three"}` + "\n" + `{"id":"q6","question":"What is 6 + 12?","answer":"18"}` + "\n")}
	var err error
	w.version, err = store.Next(w.t.Context(), change, io.Discard)
	w.must(err)
	p := w.testset()
	p.Refs = []attest.Ref{{Role: attest.RoleTestset, ID: first.Statement.ID}}
	p.Edits, p.Consistency = w.version.Edits, w.version.Consistency
	w.hooks.next(w, p)
	var active []uint64
	bitmap, err := w.pack.Artifact(p.Bitmap)
	w.must(err)
	for i := range p.Version.Size {
		if testset.IsActive(bitmap, i) {
			active = append(active, i)
		}
	}
	w.hooks.rows = func(_ *world, rows []run.Row) []run.Row {
		rows = slices.Clone(rows)[:len(active)]
		for i := range rows {
			rows[i].Item = active[i]
		}
		return rows
	}
	w.hooks.grades = []string{"1", "1", "1", "0", "1", "0", "1"}[:len(active)]
	return w.issue(owner, p)
}

func digest(s string) attest.Hash { return sha256.Sum256([]byte(s)) }

func modelRoles() []attest.RoleDigest {
	return []attest.RoleDigest{{Role: "weights", Digest: digest("weights")}, {Role: "config", Digest: digest("config")}}
}

func weightsOf(t testing.TB, roles []attest.RoleDigest) attest.ModelRef {
	id, err := model.ID(roles)
	if err != nil {
		t.Fatal(err)
	}
	return attest.ModelRef{Kind: attest.ModelWeights, ID: id}
}

var sealSecret = attest.Hash{9, 9, 9}

func (w *world) commitModel() *attest.Entry {
	pkg := digest("package")
	p := &attest.Model{Name: "tiny", Model: weightsOf(w.t, modelRoles()), Roles: modelRoles(), Package: &pkg}
	if w.hooks.sealed {
		p = &attest.Model{Name: "tiny", Model: attest.ModelRef{Kind: attest.ModelSealed, ID: model.Seal(sealSecret, lab, p.Model.ID)}}
	}
	if w.hooks.model != nil {
		w.hooks.model(w, p)
	}
	return w.issue(lab, p)
}

func configuration() map[string]any {
	return map[string]any{
		"chatTemplate": "n/a", "systemPrompt": "n/a", "sampling": map[string]any{"temperature": 0},
		"reasoningBudget": "n/a", "tools": "n/a", "network": "none",
		"engine": map[string]any{"name": "test", "version": "1"}, "dtype": "F32", "quantization": "n/a",
		"harness": map[string]any{"name": "test", "version": "1"}, "promptTemplate": "{question}", "fewShot": "n/a",
		"grader": map[string]any{"name": "exact"}, "judge": "n/a", "extractor": map[string]any{"name": "none"}, "fallback": "n/a", "retry": "none",
		"exclusions": []string{"timeout"}, "denominator": "counted-wrong", "relation": "independent", "evaluator": evaluator, "variant": "tiny",
	}
}

func (w *world) register(set, m *attest.Entry) *attest.Entry {
	conf := configuration()
	if w.hooks.configure != nil {
		w.hooks.configure(conf)
	}
	raw, err := json.Marshal(conf)
	w.must(err)
	doc, err := attest.Canonicalize(raw)
	w.must(err)
	s := set.Statement.Predicate.(*attest.Testset)
	p := &attest.Registration{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: m.Statement.ID}, {Role: attest.RoleTestset, ID: set.Statement.ID}}},
		Lab:    lab, Evaluator: evaluator,
		Model: m.Statement.Predicate.(*attest.Model).Model, ModelName: "tiny",
		Testset: attest.TestsetRef{SetID: s.SetID, Version: s.Version}, TestsetName: s.Name,
		Samples: 1, Configuration: w.pack.AddArtifact(doc, "application/json", "configuration.json"),
		Metric:   attest.Metric{Name: "accuracy", Min: "0", Max: "1", Better: "higher"},
		Deadline: started.AddDate(0, 0, 30).Format(time.RFC3339),
	}
	if w.hooks.registration != nil {
		w.hooks.registration(w, p)
	}
	return w.issue(p.Evaluator, p)
}

func (w *world) report(reg *attest.Entry) *attest.Entry {
	runID := reg.Statement.ID
	secret := run.Secret{4, 5, 6}
	grades := w.hooks.grades
	if grades == nil {
		grades = []string{"1", "1", "1", "0", "1", "0"}
	}
	var rows []run.Row
	for i, samples := range grades {
		for s, g := range strings.Fields(samples) {
			response, err := secret.Commit(runID, uint64(i), uint32(s), run.FieldResponse, fmt.Appendf(nil, `"answer %d"`, i))
			w.must(err)
			rows = append(rows, run.Row{Item: uint64(i), Sample: uint32(s), Response: response, Grade: g})
		}
	}
	p := w.result(runID, rows)
	if w.hooks.rows != nil {
		p = w.result(runID, w.hooks.rows(w, rows))
	}
	if w.hooks.result != nil {
		w.hooks.result(w, p)
	}
	if w.hooks.reporter != "" {
		return w.issue(w.hooks.reporter, p)
	}
	return w.issue(evaluator, p)
}

// result is what an evaluator would sign for these rows.
func (w *world) result(runID attest.Hash, rows []run.Row) *attest.Result {
	root, err := run.Root(runID, rows, w.version.Leaves)
	w.must(err)
	w.rows = rows
	right, excluded := 0, 0
	for _, r := range rows {
		if r.Grade == "1" {
			right++
		}
		if _, ok := r.Excluded(); ok {
			excluded++
		}
	}
	return &attest.Result{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRegistration, ID: runID}}},
		RunID:  runID, Outcome: &attest.Outcome{
			Leaves: uint64(len(rows)), Root: root, Excluded: uint64(excluded),
			Rows:  w.pack.AddArtifact(run.FormatRows(rows), "application/vnd.proctor.results+jsonl", "results.jsonl"),
			Score: ratio(right, len(rows)),
		},
	}
}

func ratio(a, b int) string {
	for d := min(a, b); d > 1; d-- {
		if a%d == 0 && b%d == 0 {
			a, b = a/d, b/d
		}
	}
	if a == 0 {
		return "0"
	}
	if b == 1 {
		return fmt.Sprint(a)
	}
	return fmt.Sprintf("%d/%d", a, b)
}

func (w *world) release(m, result *attest.Entry) *attest.Entry {
	pkg := digest("package")
	p := &attest.Release{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: m.Statement.ID}, {Role: attest.RoleResult, ID: result.Statement.ID}}},
		Name:   "tiny", Model: weightsOf(w.t, modelRoles()), Published: []string{"https://hub.example/tiny"}, Package: &pkg,
		Scores: []attest.Score{{Label: "sums", Score: "66.7", Decimals: 1, Scale: "100", Result: result.Statement.ID}},
	}
	if w.hooks.sealed {
		p.Seals = []attest.Seal{{Commitment: m.Statement.Predicate.(*attest.Model).Model.ID, Secret: sealSecret}}
	}
	if w.hooks.release != nil {
		w.hooks.release(w, p)
	}
	return w.issue(lab, p)
}

func (w *world) round(at time.Time) *attest.Round {
	n := w.beacon.Latest(at)
	data, err := w.beacon.Round(n)
	w.must(err)
	r := attest.Round{Chain: w.beacon.Public().Chain, Round: n}
	w.pack.Beacons[r] = data
	return &r
}

// grant lets an issuer hold the set's items, for a registration if there is one.
func (w *world) grant(set, registration *attest.Entry, holder string) {
	p := set.Statement.Predicate.(*attest.Testset)
	g := &attest.Grant{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTestset, ID: set.Statement.ID}}},
		SetID:  p.SetID, Name: p.Name, Version: p.Version, Holder: holder, Fields: p.Fields,
	}
	if registration != nil {
		id := registration.Statement.ID
		g.RunID = &id
		g.Refs = append(g.Refs, attest.Ref{Role: attest.RoleRegistration, ID: id})
	}
	w.issue(owner, g)
}

func (w *world) head(issuer string, at time.Time) {
	w.issue(issuer, &attest.ChainHead{
		Header: attest.Header{NotBefore: w.round(at)}, Newest: uint64(len(w.chains[issuer]) - 1),
	})
}

// prove gives every entry a proof under the checkpoint of the log as it was then.
func (w *world) prove() {
	for i := range w.log {
		w.log[i].Proof = w.proof(i, uint64(i+1), w.loggedAt(i))
	}
}

func (w *world) loggedAt(i int) time.Time {
	if w.hooks.logged != nil {
		if t := w.hooks.logged(i); !t.IsZero() {
			return t
		}
	}
	at := started.Add(time.Duration(i) * time.Hour)
	switch w.log[i].Statement.Predicate.(type) {
	case *attest.ChainHead, *attest.Inventory:
		at = headTime.Add(time.Duration(i) * time.Minute)
	}
	return at
}

// ledger is the whole ledger as tlog-tiles lays it out, cosigned after everything.
func (w *world) ledger() fstest.MapFS {
	shown := w.proof(0, uint64(len(w.log)), headTime.Add(time.Hour))
	if w.hooks.shown != nil {
		shown = w.hooks.shown(w)
	}
	var bundle []byte
	var hashes []byte
	for _, e := range w.log {
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(e.Bytes)))
		bundle = append(bundle, e.Bytes...)
		leaf := attest.LeafHash(e.Bytes)
		hashes = append(hashes, leaf[:]...)
	}
	proof, err := ledger.ParseProof(shown)
	w.must(err)
	n := len(w.log)
	return fstest.MapFS{
		"checkpoint":                            {Data: proof.Checkpoint},
		fmt.Sprintf("tile/0/000.p/%d", n):       {Data: hashes},
		fmt.Sprintf("tile/entries/000.p/%d", n): {Data: bundle},
	}
}

func (w *world) proof(index int, size uint64, at time.Time) []byte {
	return w.proofBy(index, size, map[string]time.Time{witName: at})
}

func (w *world) proofBy(index int, size uint64, witnesses map[string]time.Time) []byte {
	var leaves []attest.Hash
	for _, e := range w.log[:size] {
		leaves = append(leaves, attest.LeafHash(e.Bytes))
	}
	var path [][32]byte
	for _, h := range inclusion(leaves, index) {
		path = append(path, h)
	}
	return w.proofOf(uint64(index), size, attest.Root(leaves), path, witnesses)
}

// proofOf is a proof under a checkpoint that these witnesses cosigned.
func (w *world) proofOf(index, size uint64, root attest.Hash, path [][32]byte, witnesses map[string]time.Time) []byte {
	origin := cmp.Or(w.origin, logOrigin)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
	signer, err := note.NewSigner(skey(origin, 1))
	w.must(err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	w.must(err)
	for _, name := range []string{witName, "witness.example/w2", "lab.example/witness"} {
		if at, ok := witnesses[name]; ok {
			signed = append(signed, cosign(name, text, at)...)
		}
	}
	return ledger.FormatProof(ledger.Proof{Index: index, Hashes: path, Checkpoint: signed})
}

// inclusion is RFC 6962 §2.1.1, from the leaf's sibling up.
func inclusion(leaves []attest.Hash, index int) []attest.Hash {
	if len(leaves) == 1 {
		return nil
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	if index < k {
		return append(inclusion(leaves[:k], index), attest.Root(leaves[k:]))
	}
	return append(inclusion(leaves[k:], index-k), attest.Root(leaves[:k]))
}

func keyHash(name string, kind byte) uint32 {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", name)
	h.Write([]byte{kind})
	h.Write(seedKey(name).Public().(ed25519.PublicKey))
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func skey(name string, kind byte) string {
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, keyHash(name, kind), base64.StdEncoding.EncodeToString(append([]byte{kind}, seedKey(name).Seed()...)))
}

func vkey(name string, kind byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, kind), base64.StdEncoding.EncodeToString(append([]byte{kind}, seedKey(name).Public().(ed25519.PublicKey)...)))
}

// cosign is a witness's line under a checkpoint (c2sp.org/tlog-cosignature).
func cosign(name, text string, at time.Time) []byte {
	sig := binary.BigEndian.AppendUint32(nil, keyHash(name, 4))
	sig = binary.BigEndian.AppendUint64(sig, uint64(at.Unix()))
	sig = append(sig, ed25519.Sign(seedKey(name), fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), text))...)
	return fmt.Appendf(nil, "— %s %s\n", name, base64.StdEncoding.EncodeToString(sig))
}

func (w *world) policyText() string {
	issuer := func(uri string, roles ...string) string {
		return fmt.Sprintf("[[issuer]]\nuri = %q\nroles = [\"%s\"]\n[[issuer.key]]\npem = '''\n%s'''\n\n", uri, strings.Join(roles, `", "`), publicPEM(w.t, uri))
	}
	b := w.beacon.Public()
	text := fmt.Sprintf(`version = 1
independent = [[%q, %q, %q, %q]]

[require]
level = "CAL-1"

[time]
margin = "10m"
skew = "5m"
freshness = "720h"

[ledger]
policy = """
log %s
witness w1 %s
quorum w1
"""

[operators]
w1 = %q

`, owner, lab, evaluator, operator, vkey(logOrigin, 1), vkey(witName, 4), operator) +
		issuer(owner, "owner") + issuer(lab, "lab") + issuer(evaluator, "evaluator") +
		fmt.Sprintf("[[beacon]]\nname = \"test\"\nscheme = %q\nchain = \"%s\"\nkey = %q\nperiod = %d\ngenesis = %d\n", b.Scheme, b.Chain, b.Key, b.Period, b.Genesis)
	if w.hooks.policy != nil {
		text = w.hooks.policy(text)
	}
	return text
}

func (w *world) policy() *Policy {
	w.t.Helper()
	p, err := ParsePolicy([]byte(w.policyText()))
	w.must(err)
	return p
}

func (w *world) verify() *Verdict {
	w.t.Helper()
	v, err := Pack(w.t.Context(), w.pack, w.policy(), Options{At: judgedAt, CheckToken: checkToken})
	w.must(err)
	return v
}

// scanned judges the pack beside the whole ledger.
func (w *world) scanned(t testing.TB) (*Verdict, []Scan) {
	t.Helper()
	scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
	if err != nil {
		t.Fatal(err)
	}
	v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Scans: scans})
	if err != nil {
		t.Fatal(err)
	}
	return v, scans
}
