package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify"
)

// outcome is what both verifiers say of a pack, in words. A check of several rows
// has the worst of their states.
type outcome struct {
	File     string            `json:"file"`
	Headline string            `json:"headline"`
	Level    string            `json:"level"`
	Facets   string            `json:"facets"`
	Stale    bool              `json:"stale"`
	Checks   map[string]string `json:"checks"`
	Reason   string            `json:"reason"`
}

// varied are the forgeries of which TestSecondSource makes variations: of a plain pack,
// of one with audits of the published model, and of one with a monitor's inventories.
var varied = []string{"score", "match-uncovered-by-another", "told-of-run"}

// TestSecondSource holds the verdicts on all forgeries, and on variations of two of
// them, against those of a verifier that was written from the protocol. With
// PROCTOR_THOROUGH=1 all are varied.
func TestSecondSource(t *testing.T) {
	python := secondPython(t)
	dir := t.TempDir()
	names, err := filepath.Glob("testdata/forgeries/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no forgeries: %v", err)
	}
	packs := map[string]*txtar.Archive{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		a := txtar.Parse(data)
		short := strings.TrimSuffix(filepath.Base(name), ".txtar")
		all := map[string]*txtar.Archive{short: a}
		if slices.Contains(varied, short) || os.Getenv("PROCTOR_THOROUGH") == "1" {
			all = variants(a, short)
		}
		for variant, b := range all {
			packs[variant+".txtar"] = b
			if err := os.WriteFile(filepath.Join(dir, variant+".txtar"), txtar.Format(b), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	theirs := secondVerdicts(t, python, dir)
	if len(theirs) != len(packs) {
		t.Errorf("%d verdicts of %d packs", len(theirs), len(packs))
	}
	for _, second := range theirs {
		if diff := differences(firstVerdict(t, packs[second.File]), second); len(diff) > 0 {
			t.Errorf("%s: (Go, Python)\n\t%s", second.File, strings.Join(diff, "\n\t"))
		}
	}
	t.Logf("%d verdicts compared", len(theirs))
}

// secondPython is a Python that can run the second verifier.
func secondPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PROCTOR_PYTHON")
	if python == "" {
		var err error
		if python, err = exec.LookPath("python3"); err != nil {
			t.Skip("no python3; PROCTOR_PYTHON can name one")
		}
	}
	if out, err := exec.Command(python, "-c", "import tomllib, cryptography").CombinedOutput(); err != nil {
		t.Skipf("%s lacks what the second verifier needs; .ci/second-source makes one that has it: %v\n%s", python, err, out)
	}
	return python
}

func secondVerdicts(t *testing.T, python, dir string) []outcome {
	t.Helper()
	const script = "testdata/second/verify.py"
	if _, err := os.ReadFile(script); err != nil { // else go test would not run again when it changes
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", script, "--json", dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if stderr.Len() > 0 || err != nil && cmd.ProcessState.ExitCode() != 3 {
		t.Fatalf("second verifier: %v\n%s", err, stderr.Bytes())
	}
	var all []outcome
	for line := range bytes.Lines(out) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// variants are an archive and what becomes of it under other policies, at other
// times, and with each of its files left out.
func variants(a *txtar.Archive, name string) map[string]*txtar.Archive {
	edit := func(change func(*txtar.Archive)) *txtar.Archive {
		b := &txtar.Archive{Comment: a.Comment, Files: slices.Clone(a.Files)}
		change(b)
		return b
	}
	replace := func(s *[]byte, old, now string) {
		*s = []byte(strings.Replace(string(*s), old, now, 1))
	}
	policy := func(old, now string) *txtar.Archive {
		return edit(func(b *txtar.Archive) {
			i := slices.IndexFunc(b.Files, func(f txtar.File) bool { return f.Name == "policy.toml" })
			replace(&b.Files[i].Data, old, now)
		})
	}
	at := func(now string) *txtar.Archive {
		return edit(func(b *txtar.Archive) { replace(&b.Comment, "\nat: 2026-03-01T00:00:00Z\n", "\nat: "+now+"\n") })
	}
	released := a
	if !bytes.Contains(a.Files[0].Data, []byte("\nfacets = ")) {
		released = policy(`level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"D2\"]")
	}
	all := map[string]*txtar.Archive{
		name:                    a,
		name + ",dependent":     policy("independent = [[", "independent = [] # [["),
		name + ",own-witness":   policy(`, "https://witness.example"]]`, "]]"),
		name + ",lab-apart":     policy(`, "https://evaluator.example", "https://witness.example"]]`, `, "https://witness.example"]]`),
		name + ",more-required": policy(`level = "CAL-1"`, `level = "CAL-2"`),
		name + ",less-required": policy(`level = "CAL-1"`, `level = "CAL-0"`),
		name + ",released":      released,
		name + ",fresh":         policy(`freshness = "720h"`, `freshness = "36h"`),
		name + ",skewed":        policy(`skew = "5m"`, `skew = "200h"`),
		name + ",no-quorum":     policy("quorum w1\n", "quorum none\n"),
		name + ",early":         at("2026-02-02T12:00:00Z"),
		name + ",within":        at("2026-02-20T12:00:00Z"),
		name + ",late":          at("2026-06-01T00:00:00Z"),
		name + ",nearly":        at("2026-02-20T00:03:00Z"), // the heads are from minutes later
		name + ",nearly-fresh":  at("2026-03-22T00:05:00Z"),
	}
	for i, f := range a.Files {
		if f.Name != "policy.toml" && !strings.HasPrefix(f.Name, "ledger/") {
			file := strings.ReplaceAll(strings.TrimSuffix(f.Name, ".b64"), "/", ",")
			all[name+",without,"+file] = edit(func(b *txtar.Archive) { b.Files = slices.Delete(b.Files, i, i+1) })
		}
		if stem, ok := strings.CutSuffix(f.Name, ".sigstore.json"); ok {
			all[name+",without,"+strings.ReplaceAll(stem, "/", ",")] = edit(func(b *txtar.Archive) {
				b.Files = slices.DeleteFunc(b.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, stem) })
			})
		}
	}
	return all
}

// firstVerdict judges an archive with this package.
func firstVerdict(t *testing.T, a *txtar.Archive) outcome {
	t.Helper()
	fsys := fstest.MapFS{}
	var policy []byte
	for _, f := range a.Files {
		name, data := f.Name, f.Data
		if cut, ok := strings.CutSuffix(name, ".b64"); ok {
			decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
			if err != nil {
				t.Fatal(err)
			}
			name, data = cut, decoded
		}
		if name == "policy.toml" {
			policy = data
			continue
		}
		if strings.HasPrefix(name, "ledger/") {
			continue // the second verifier scans no ledgers
		}
		fsys[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	var at time.Time
	for line := range strings.Lines(string(a.Comment)) {
		if s, ok := strings.CutPrefix(line, "at: "); ok {
			var err error
			if at, err = time.Parse(time.RFC3339, strings.TrimSpace(s)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := verify.ParsePolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	v := new(verify.Verdict)
	pack, err := attest.ReadDir(fsys)
	if err == nil {
		v, err = verify.Pack(t.Context(), pack, p, verify.Options{At: at})
	}
	if err != nil {
		return outcome{Headline: verify.CannotCheck.String(), Level: verify.CAL0.String(), Facets: verify.Facets{}.String(), Reason: err.Error()}
	}
	o := outcome{Headline: v.Headline.String(), Level: v.Level.String(), Facets: v.Facets.String(), Stale: v.Stale, Checks: map[string]string{}}
	rank := []string{"", "n/a", "proven", "attested", "missing", "contradicted"}
	for _, c := range v.Claims {
		for _, r := range c.Rows {
			for _, check := range r.Checks {
				if slices.Index(rank, check.State.String()) > slices.Index(rank, o.Checks[check.Name]) {
					o.Checks[check.Name] = check.State.String()
				}
			}
		}
	}
	return o
}

// differences are what two verdicts say differently.
func differences(first, second outcome) []string {
	var diff []string
	differ := func(what string, a, b any) {
		if a != b {
			diff = append(diff, fmt.Sprintf("%s: %v, %v", what, a, b))
		}
	}
	differ("headline", first.Headline, second.Headline)
	differ("level", first.Level, second.Level)
	differ("facets", first.Facets, second.Facets)
	differ("stale", first.Stale, second.Stale)
	for _, c := range verify.Catalogue {
		differ(c.Name, first.Checks[c.Name], second.Checks[c.Name])
	}
	if len(diff) > 0 && first.Reason+second.Reason != "" {
		diff = append(diff, fmt.Sprintf("reasons: %q, %q", first.Reason, second.Reason))
	}
	return diff
}
