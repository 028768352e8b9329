package verify

import (
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger"
)

func TestParsePolicyRefuses(t *testing.T) {
	good := newWorld(t, hooks{}).policyText()
	if _, err := ParsePolicy([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"a member that it does not know", `level = "CAL-1"`, "level = \"CAL-1\"\nlevle = \"CAL-2\"", "levle"},
		{"another version", "version = 1", "version = 2", "version"},
		{"no level", `level = "CAL-1"`, "", "level"},
		{"an unknown level", `"CAL-1"`, `"CAL-9"`, "CAL-9"},
		{"an unknown facet", `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"X1\"]", "X1"},
		{"a sample of everything", `level = "CAL-1"`, "level = \"CAL-1\"\nsampled_share = 1.0\nsampled_miss = 0.05", "sampled_share"},
		{"a sample that may miss nothing", `level = "CAL-1"`, "level = \"CAL-1\"\nsampled_share = 0.02", "sampled_miss"},
		{"a sample that may miss nan", `level = "CAL-1"`, "level = \"CAL-1\"\nsampled_share = 0.02\nsampled_miss = nan", "sampled_miss"},
		{"a negative time", `skew = "5m"`, `skew = "-5m"`, "skew"},
		{"no time", `freshness = "720h"`, "", "freshness"},
		{"a quorum of nobody known", "quorum w1", "quorum w2", "w2"},
		{"no quorum", "quorum w1", "", "quorum"},
		{"an operator of nothing", "w1 = ", "w3 = ", "w3"},
		{"an unknown role", `roles = ["lab"]`, `roles = ["king"]`, "king"},
		{"no role", `roles = ["lab"]`, `roles = []`, "no roles"},
		{"an issuer twice", `uri = "` + lab + `"`, `uri = "` + owner + `"`, "twice"},
		{"a key twice", publicPEM(t, lab), publicPEM(t, owner), "has the key of"},
		{"what is no key", publicPEM(t, lab), "lab", "PEM"},
		{"a group of one", `independent = [[`, `independent = [["a"], [`, "at least two"},
		{"a beacon's chain that is none", "chain = \"", "chain = \"x", "chain"},
		{"a pin of nothing", "version = 1", "version = 1\npinned = [\"x\"]", "pinned"},
		{"a denial of nothing", "version = 1", "version = 1\ndeny = {keys = [\"x\"]}", "deny"},
		{"facets twice", `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"C2\"]\nfacets = [\"I1\"]", "require.facets is written twice"},
		{"independent parties twice", `independent = [[`, "independent = [[\"a\", \"b\"]]\nindependent = [[", "independent is written twice"},
		{"roles twice in a second table", `roles = ["lab"]`, "roles = [\"owner\"]\nroles = [\"lab\"]", "issuer.roles is written twice"},
		{"what is no TOML", "version = 1", "version = = 1", "toml"},
	} {
		text := strings.Replace(good, tt.old, tt.new, 1)
		if text == good {
			t.Fatalf("%s: nothing to replace", tt.name)
		}
		if _, err := ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParsePolicy(%s) = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// A set that the policy pins is counted, whoever owns it.
func TestPinnedSet(t *testing.T) {
	for _, pin := range []bool{false, true} {
		w := newWorld(t, hooks{policy: func(text string) string {
			text = strings.Replace(text, `["`+owner+`", `, `[`, 1) // the owner is independent of nobody
			if pin {
				text = strings.Replace(text, "version = 1", "version = 1\npinned = [\""+testset.ID(owner, "sums").String()+"\"]", 1)
			}
			return text
		}})
		scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
		w.must(err)
		v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Scans: scans})
		w.must(err)
		if got := states(v)["completeness/registrations"]; (got == Proven) != pin {
			t.Errorf("pinned %v: completeness/registrations is %v", pin, got)
		}
	}
}

// What somebody unknown registers for the lab is not counted, and not passed over.
func TestUnknownRegistrant(t *testing.T) {
	w := newWorld(t, hooks{registered: func(w *world, _, registration *attest.Entry) {
		p := *registration.Statement.Predicate.(*attest.Registration)
		p.Header = attest.Header{Refs: p.Refs}
		w.issue(stranger, &p)
	}})
	scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
	w.must(err)
	v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Scans: scans})
	w.must(err)
	row := v.Claims[0].Rows[0]
	if row.Runs == nil || row.Runs.Registered != 1 || row.Runs.Unknown != 1 {
		t.Fatalf("runs are %+v, want 1 registered and 1 unknown", row.Runs)
	}
	if c := find(row.Checks, "completeness/registrations"); c.State != Proven || !strings.Contains(c.Detail, "1 more, by neither lab nor evaluator") {
		t.Errorf("completeness/registrations is %s: %s", c.State, c.Detail)
	}
}

func TestIndependent(t *testing.T) {
	p := newWorld(t, hooks{}).policy()
	p.Issuers[1].Aliases = []string{"https://subsidiary.example"} // of the lab
	for _, tt := range []struct {
		a      string
		others []string
		want   bool
	}{
		{evaluator, []string{lab}, true},
		{evaluator, []string{lab, owner}, true},
		{evaluator, []string{lab, evaluator}, false},
		{evaluator, []string{"https://stranger.example"}, false},
		{"https://stranger.example", []string{lab}, false},
		{"", []string{lab}, false},
		{lab, []string{"https://subsidiary.example"}, false},
		{"https://subsidiary.example", []string{evaluator}, true},
	} {
		if got := p.Independent(tt.a, tt.others...); got != tt.want {
			t.Errorf("Independent(%q, %q) = %v, want %v", tt.a, tt.others, got, tt.want)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(newWorld(f, hooks{}).policyText()))
	f.Add([]byte("version = 1\n[[issuer]]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text)
		if err != nil {
			return
		}
		file, err := ParsePolicyFile(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := file.Format()
		if err != nil {
			t.Fatal(err)
		}
		q, err := ParsePolicy(again)
		if err != nil {
			t.Fatalf("a policy that was written again is refused: %v", err)
		}
		if q.Require != p.Require || len(q.Issuers) != len(p.Issuers) || q.Ledger.Quorum() != p.Ledger.Quorum() {
			t.Errorf("a policy that was written again says something else")
		}
	})
}
