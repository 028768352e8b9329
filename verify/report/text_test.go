package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify"
)

var judgedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// supported is a verdict on one score at which every part of a report is printed.
func supported() *verify.Verdict {
	row := verify.Row{
		Label: "sums", Published: "66.7 %", Exact: "2/3", Items: 3, Other: "1 with 1 excluded rows left out",
		Headline: verify.Supported, Level: verify.CAL1, Facets: verify.Facets{2, 1, 1, 1, 1, 0},
		Metric: "accuracy, the max of 4 sample(s) of each item", Model: "tiny", Testset: "sums", Lab: "https://lab.example", Evaluator: "https://evaluator.example", Owner: "https://owner.example",
		Checks: []verify.Check{
			{Name: "identity/signed", State: verify.Proven, Detail: "4 statements, each under a key of its issuer"},
			{Name: "testset/committed", State: verify.Attested, Detail: "row = leaf", By: "https://evaluator.example"},
			{Name: "model/seal", State: verify.NotApplicable, Detail: "the model was never sealed"},
			{Name: "score/recomputed", State: verify.Proven, Detail: "2/3 = 66.667 %"},
			{Name: "model/recomputed", State: verify.Missing, Detail: "nobody recomputed the published files here"},
		},
		Timeline: []verify.Event{
			{ID: attest.StatementID([]byte("registration")), Kind: "registration", Issuer: "https://lab.example", NotAfter: judgedAt.AddDate(0, 0, -20), Bound: verify.Attested},
			{ID: attest.StatementID([]byte("result")), Kind: "result", Issuer: "https://evaluator.example", NotBefore: judgedAt.AddDate(0, 0, -15), NotAfter: judgedAt.AddDate(0, 0, -10), Bound: verify.Proven},
			{ID: attest.StatementID([]byte("claim")), Kind: "claim", Issuer: "https://lab.example"},
		},
	}
	return &verify.Verdict{
		Headline: row.Headline, Level: row.Level, Facets: row.Facets, Required: verify.CAL1, At: judgedAt,
		Claims:   []verify.Claim{{Kind: "claim", Issuer: "https://lab.example", Text: "tiny scores 66.7 % on sums.", Rows: []verify.Row{row}}},
		NotShown: []string{"that no other runs were made: selected runs are found by scanning the ledgers, which was not done", "that the grader is right"},
		Trusting: []string{"https://evaluator.example (evaluator), to hold its key and to mean what it signs", "your own policy"},
	}
}

// contradicted is a verdict on a table of two scores, one of which does not hold.
func contradicted() *verify.Verdict {
	good := supported().Claims[0].Rows[0]
	good.Label, good.Other, good.Timeline = "sums", "", nil
	good.Declared = "3 of 100 items, chosen by the registrant"
	good.Checks = good.Checks[:1]
	bad := good
	bad.Declared = ""
	bad.Label, bad.Published, bad.Exact = "products", "99.9 %", "1/3"
	bad.Headline, bad.Level, bad.Facets = verify.ContradictedClaim, verify.CAL0, verify.Facets{2, 1, 1, 0, 1, 0}
	bad.Checks = []verify.Check{
		{Name: "identity/signed", State: verify.Proven, Detail: "4 statements, each under a key of its issuer"},
		{Name: "score/recomputed", State: verify.Contradicted, Detail: "the published score does not follow from the rows", Want: "33.333 %", Got: "99.9 %"},
	}
	v := supported()
	v.Headline, v.Level, v.Facets, v.Stale = bad.Headline, bad.Level, bad.Facets, true
	v.Declared = "1 of 2 scores on items chosen by the registrant"
	v.Claims = []verify.Claim{{Kind: "release", Issuer: "https://lab.example", Text: "tiny, released", Rows: []verify.Row{good, bad}}}
	return v
}

func text(t testing.TB, v *verify.Verdict) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, v); err != nil {
		t.Fatalf("Text: %v", err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	for name, v := range map[string]*verify.Verdict{
		"cannot-check": {},
		"supported":    supported(),
		"contradicted": contradicted(),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text(t, v)); diff != "" {
				t.Errorf("Text(%s) (-want +got):\n%s", name, diff)
			}
		})
	}
}

// every has a verdict of each headline, each of them fresh and stale, with and
// without claims.
func every() map[string]*verify.Verdict {
	all := map[string]*verify.Verdict{"zero": {}, "table": contradicted()}
	for h := verify.CannotCheck; h <= verify.Supported; h++ {
		for _, stale := range []bool{false, true} {
			v := supported()
			v.Headline, v.Stale = h, stale
			v.Claims[0].Rows[0].Headline = h
			all[fmt.Sprintf("%s, stale %v", h, stale)] = v
			all[fmt.Sprintf("%s, stale %v, nothing claimed", h, stale)] = &verify.Verdict{Headline: h, Stale: stale, At: judgedAt}
		}
	}
	return all
}

func TestHeadline(t *testing.T) {
	for name, v := range every() {
		t.Run(name, func(t *testing.T) {
			first, rest, _ := strings.Cut(text(t, v), "\n")
			want := fmt.Sprintf("%s   %s [%s]", v.Headline, v.Level, v.Facets)
			if v.Stale {
				want += "   STALE"
			}
			if v.Declared != "" {
				want += "   " + v.Declared
			}
			if first != want {
				t.Errorf("Text begins with %q, want %q", first, want)
			}
			if want := "required " + v.Required.String() + ", as of "; !strings.HasPrefix(rest, want) {
				t.Errorf("Text has %q behind its first line, want %q", rest, want)
			}
		})
	}
	if first, _, _ := strings.Cut(text(t, new(verify.Verdict)), " ["); first != "CANNOT CHECK   CAL-0" {
		t.Errorf("Text(zero verdict) begins with %q, want %q", first, "CANNOT CHECK   CAL-0")
	}
}

// A report says neither that a model is uncontaminated nor that anything is
// trustworthy: no evidence shows either (PROTOCOL §10).
func TestNeverSays(t *testing.T) {
	for name, v := range every() {
		var line bytes.Buffer
		if err := Line(&line, "pack", v); err != nil {
			t.Fatal(err)
		}
		said := strings.ToLower(text(t, v) + line.String())
		for _, word := range []string{"uncontaminated", "contamination-free", "trustworthy", "verified model", "guarantee"} {
			if strings.Contains(said, word) {
				t.Errorf("Text(%s) says %q, want that nowhere:\n%s", name, word, said)
			}
		}
	}
}

func TestAlwaysSays(t *testing.T) {
	for name, v := range every() {
		t.Run(name, func(t *testing.T) {
			got := text(t, v)
			for _, section := range []struct {
				heading string
				lines   []string
			}{
				{"What this does not show", v.NotShown},
				{"Whom you are trusting", v.Trusting},
			} {
				_, body, found := strings.Cut(got, "\n\n"+section.heading+"\n  - ")
				if !found {
					t.Fatalf("Text has no %q with a line below it:\n%s", section.heading, got)
				}
				body, _, _ = strings.Cut(body, "\n\n")
				body = strings.Join(strings.Fields(body), " ")
				for _, l := range section.lines {
					if !strings.Contains(body, l) {
						t.Errorf("Text has %q below %q, want %q", body, section.heading, l)
					}
				}
			}
		})
	}
}

// What went wrong stands above what is missing, and that above what is proven.
func TestOrderOfStates(t *testing.T) {
	v := supported()
	v.Claims[0].Rows[0].Other = "" // fits a line
	v.Claims[0].Rows[0].Checks = []verify.Check{
		{Name: "a", State: verify.NotApplicable}, {Name: "b", State: verify.Proven}, {Name: "c", State: verify.Missing},
		{Name: "d", State: verify.Attested}, {Name: "e", State: verify.Contradicted}, {Name: "f", State: verify.Proven},
	}
	var got []string
	for line := range strings.Lines(text(t, v)) {
		if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, " ") && line != "" {
			got = append(got, line)
		} else if len(strings.Fields(line)) == 1 {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		"SUPPORTED   CAL-1 [I2 O1 C1 V1 D1 U0]", "required CAL-1, as of 2026-03-01 12:00:00 UTC",
		`"tiny scores 66.7 % on sums.", claimed by https://lab.example`,
		"Contradicted", "e", "Missing", "c", "Attested, not proven", "d", "Proven", "b", "f", "Not applicable", "a",
		"Timeline", "What this does not show", "Whom you are trusting",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headings and checks (-want +got):\n%s", diff)
	}
}

func TestAttestedBy(t *testing.T) {
	v := supported()
	for _, c := range []struct {
		state verify.State
		want  bool
	}{{verify.Attested, true}, {verify.Proven, false}, {verify.Missing, false}} {
		v.Claims[0].Rows[0].Checks = []verify.Check{{Name: "testset/committed", State: c.state, Detail: "row = leaf", By: "https://somebody.example"}}
		if got := strings.Contains(text(t, v), "row = leaf (https://somebody.example)"); got != c.want {
			t.Errorf("Text of a check that is %s names who says so = %v, want %v", c.state, got, c.want)
		}
	}
}

// hostile are texts that rewrite, hide or reorder what a terminal shows.
var hostile = map[string]string{
	"colour":             "\x1b[32mSUPPORTED\x1b[0m",
	"clear screen":       "\x1b[2J\x1b[HSUPPORTED",
	"title":              "\x1b]0;SUPPORTED\a",
	"hyperlink":          "\x1b]8;;https://evil.example\x1b\\lab\x1b]8;;\x1b\\",
	"carriage return":    "x\rSUPPORTED   CAL-4",
	"backspace":          "CONTRADICTED\b\b\b\b\b\b\b\b\b\b\b\b",
	"line break":         "x\nSUPPORTED   CAL-4 [I2 O3 C3 V3 D3 U3]",
	"form feed":          "x\f\v\x85SUPPORTED",
	"NUL":                "x\x00y",
	"DEL":                "x\x7fy",
	"8-bit CSI":          "x\u009b2Jy",
	"bare byte CSI":      "x\x9b2Jy",
	"broken UTF-8":       "x\xff\xc3y",
	"right to left":      "x\u202eDETROPPUS\u202c",
	"isolates":           "\u2066x\u2067y\u2068z\u2069",
	"marks of direction": "x\u200e\u200f\u061cy",
	"line separators":    "x\u2028SUPPORTED\u2029y",
}

// infect puts a text wherever a statement or a pack can put one.
func infect(v *verify.Verdict, s string) *verify.Verdict {
	for i := range v.Claims {
		c := &v.Claims[i]
		c.Text, c.Issuer = s, s
		for j := range c.Rows {
			r := &c.Rows[j]
			r.Label, r.Published, r.Exact, r.Other = s, s, s, s
			r.Model, r.Testset, r.Lab, r.Evaluator, r.Owner = s, s, s, s, s
			for k := range r.Checks {
				r.Checks[k].Detail, r.Checks[k].By, r.Checks[k].Want, r.Checks[k].Got = s, s, s, s
			}
			for k := range r.Timeline {
				r.Timeline[k].Issuer = s
			}
		}
	}
	v.NotShown, v.Trusting = []string{s}, []string{s}
	return v
}

func TestForeignText(t *testing.T) {
	for name, s := range hostile {
		t.Run(name, func(t *testing.T) {
			for kind, v := range map[string]*verify.Verdict{"one score": infect(supported(), s), "a table": infect(contradicted(), s)} {
				got := text(t, v)
				harmless(t, "Text of "+kind, got)
				if n := strings.Count("\n"+got, "\nSUPPORTED   CAL-4") + strings.Count("\n"+got, "\nSUPPORTED\n"); n > 0 {
					t.Errorf("Text of %s has %d lines that pose as a headline:\n%s", kind, n, got)
				}
			}
			var line bytes.Buffer
			if err := Line(&line, s, supported()); err != nil {
				t.Fatal(err)
			}
			harmless(t, "Line", line.String())
			if n := strings.Count(line.String(), "\n"); n != 1 || !strings.HasPrefix(line.String(), "SUPPORTED            CAL-1") {
				t.Errorf("Line(%q) = %q, want one line that begins with its headline", s, line.String())
			}
		})
	}
}

func harmless(t *testing.T, what, out string) {
	t.Helper()
	if strings.ToValidUTF8(out, "") != out {
		t.Errorf("%s is not UTF-8: %q", what, out)
	}
	for _, r := range out {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			t.Errorf("%s prints %U raw: %q", what, r, out)
			return
		}
	}
}

// A long text is wrapped, and none of its lines stands where headings stand.
func TestForeignTextPosing(t *testing.T) {
	filler := strings.Repeat("x", width)
	for _, pose := range []string{"Proven", "SUPPORTED CAL-4 [I2 O3 C3 V3 D3 U3]", "What this does not show", "required CAL-1,"} {
		s := filler + " " + pose + " " + filler
		for kind, v := range map[string]*verify.Verdict{"one score": supported(), "a table": contradicted()} {
			clean := strings.Count("\n"+text(t, v), "\n"+pose)
			if got := strings.Count("\n"+text(t, infect(v, s)), "\n"+pose); got > clean {
				t.Errorf("Text of %s has %d lines that begin with %q, want %d: a text poses as one", kind, got, pose, clean)
			}
		}
	}
	v := contradicted()
	v.Claims[0].Rows[1].Label = "products   33.3 %   SUPPORTED [I2 O3 C3 V3 D3 U3]"
	if got, pose := text(t, v), "\nproducts   33.3 %   SUPPORTED"; strings.Contains(got, pose) {
		t.Errorf("Text has a label that poses as its row's verdict:\n%s", got)
	}
}

func TestWidth(t *testing.T) {
	long := strings.Repeat("words of a sentence ", 40)
	for name, v := range map[string]*verify.Verdict{"supported": supported(), "long": infect(supported(), long)} {
		got := text(t, v)
		for line := range strings.Lines(got) {
			line = strings.TrimRight(line, "\n")
			if n := len([]rune(line)); n > width {
				t.Errorf("Text(%s) has a line of %d characters, want at most %d: %q", name, n, width, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("Text(%s) has spaces at the end of %q", name, line)
			}
		}
		if name == "long" && !strings.Contains(strings.Join(strings.Fields(got), " "), strings.TrimSpace(long)) {
			t.Errorf("Text(%s) lost some of a long text:\n%s", name, got)
		}
	}
}

func TestLine(t *testing.T) {
	stale := contradicted()
	for _, c := range []struct {
		name string
		v    *verify.Verdict
		want string
	}{
		{"a.proctor", &verify.Verdict{}, "CANNOT CHECK         CAL-0    [I0 O0 C0 V0 D0 U0]  a.proctor\n"},
		{"b.proctor", supported(), "SUPPORTED            CAL-1    [I2 O1 C1 V1 D1 U0]  b.proctor\n"},
		{"dir/c d", stale, "CONTRADICTED         CAL-0    [I2 O1 C1 V0 D1 U0] STALE (1 of 2 scores on items chosen by the registrant)  dir/c d\n"},
	} {
		var b strings.Builder
		if err := Line(&b, c.name, c.v); err != nil || b.String() != c.want {
			t.Errorf("Line(%q) = %q, %v, want %q", c.name, b.String(), err, c.want)
		}
	}
}

// A report prints a verdict and does not change it.
func TestLeavesVerdict(t *testing.T) {
	v := contradicted()
	text(t, v)
	if diff := cmp.Diff(contradicted(), v); diff != "" {
		t.Errorf("Text changed its verdict (-before +after):\n%s", diff)
	}
}

// full is a writer on a full disk.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteFails(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{
		"Text": func(w io.Writer) error { return Text(w, supported()) },
		"Line": func(w io.Writer) error { return Line(w, "a", supported()) },
	} {
		if err := write(full{}); !errors.Is(err, errFull) {
			t.Errorf("%s(full disk) = %v, want %v", name, err, errFull)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		harmless(t, "Text of one score", text(t, infect(supported(), s)))
		harmless(t, "Text of a table", text(t, infect(contradicted(), s)))
		var line bytes.Buffer
		if err := Line(&line, s, supported()); err != nil {
			t.Fatal(err)
		}
		harmless(t, "Line", line.String())
	})
}
