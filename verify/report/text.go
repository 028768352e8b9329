// Package report prints verdicts for people: what is proven, what is only
// attested, what is missing, what it does not show and whom the reader trusts.
package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/proctor-attest/proctor/verify"
)

const width = 88

// Text writes a verdict in plain text, at most a line's width wide below the headline.
func Text(w io.Writer, v *verify.Verdict) error {
	p := &printer{w: bufio.NewWriter(w)}
	p.headline(v)
	for _, claim := range v.Claims {
		p.claim(&claim)
	}
	p.openings(v.Openings)
	p.list("What this does not show", v.NotShown, "anything: nothing was judged")
	p.list("Whom you are trusting", v.Trusting, "nobody: nothing was judged")
	return p.w.Flush()
}

type printer struct{ w *bufio.Writer }

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

func (p *printer) headline(v *verify.Verdict) {
	p.printf("%s   %s [%s]", v.Headline, v.Level, v.Facets)
	if v.Stale {
		p.printf("   STALE")
	}
	if v.Declared != "" {
		p.printf("   %s", clean(v.Declared))
	}
	p.printf("\n")
	p.printf("required %s, as of %s\n", v.Required, stamp(v.At))
	if v.Reason != "" {
		p.wrap("", v.Reason)
	}
}

func (p *printer) claim(c *verify.Claim) {
	p.printf("\n")
	p.wrap("", fmt.Sprintf("%q, %s by %s", c.Text, article(c.Kind), c.Issuer))
	if c.Replaced {
		p.wrap("  ", "withdrawn and replaced by its issuer: it does not count for the headline")
	}
	if len(c.Rows) == 1 {
		p.row(&c.Rows[0])
		return
	}
	for _, r := range c.Rows {
		// Quoted, so that a label cannot pose as the rest of its line.
		p.printf("\n%q   %s   %s [%s]\n", r.Label, clean(r.Published), r.Headline, r.Facets)
		p.row(&r)
	}
}

func article(kind string) string {
	if kind == "claim" {
		return "claimed"
	}
	return "released"
}

func (p *printer) row(r *verify.Row) {
	p.printf("\n")
	p.field("score", scoreLine(r))
	p.field("items", r.Declared)
	p.field("items", r.Drawn)
	p.field("metric", r.Metric)
	p.field("model", quoted(r.Model)+by(r.Lab))
	p.field("test set", quoted(r.Testset)+by(r.Owner))
	p.field("run", "evaluated"+by(r.Evaluator))
	if r.Runs != nil {
		p.field("runs", fmt.Sprintf("%d of %d that the lab announced on this set are reported; rank %d of %d", r.Runs.Reported, r.Runs.Registered, r.Runs.Rank, r.Runs.Compared))
	}
	if i := slices.IndexFunc(r.Checks, func(c verify.Check) bool { return c.Name == "retraction/none" }); i >= 0 && r.Headline == verify.Retracted {
		p.field("withdrawn", r.Checks[i].Detail)
	}
	for _, state := range []verify.State{verify.Contradicted, verify.Missing, verify.Attested, verify.Proven, verify.NotApplicable} {
		p.checks(r.Checks, state)
	}
	p.timeline(r.Timeline)
}

// quoted keeps a name from posing as the words after it.
func quoted(name string) string {
	if name == "" {
		return ""
	}
	return strconv.Quote(name)
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

func scoreLine(r *verify.Row) string {
	line := r.Published
	if r.Exact != "" {
		line += fmt.Sprintf(" published, %s recomputed from %d items", r.Exact, r.Items)
	}
	if r.Other != "" {
		line += "; " + r.Other
	}
	return line
}

func (p *printer) field(name, value string) {
	if strings.TrimSpace(value) != "" {
		p.wrap(fmt.Sprintf("  %-10s", name), value)
	}
}

var headings = map[verify.State]string{
	verify.Contradicted:  "Contradicted",
	verify.Missing:       "Missing",
	verify.Attested:      "Attested, not proven",
	verify.Proven:        "Proven",
	verify.NotApplicable: "Not applicable",
}

func (p *printer) checks(checks []verify.Check, state verify.State) {
	first := true
	for _, c := range checks {
		if c.State != state {
			continue
		}
		if first {
			p.printf("\n%s\n", headings[state])
			first = false
		}
		detail := c.Detail
		if c.By != "" && c.State == verify.Attested {
			detail += " (" + c.By + ")"
		}
		p.wrap(fmt.Sprintf("  %-31s ", c.Name), detail)
		if c.Want != "" || c.Got != "" {
			p.wrap("      expected ", c.Want)
			p.wrap("      actual   ", c.Got)
		}
	}
}

func (p *printer) openings(list []verify.Opened) {
	if len(list) == 0 {
		return
	}
	p.printf("\nOpened items\n")
	for _, o := range list {
		to := "to everybody"
		if len(o.Holders) > 0 {
			to = "to " + strings.Join(o.Holders, ", ")
		}
		p.wrap(fmt.Sprintf("  %-13s ", o.State), fmt.Sprintf("%d of %d items of %q, by %s, %s: %s", o.Items, o.Of, o.Testset, o.Issuer, to, o.Detail))
	}
}

func (p *printer) timeline(events []verify.Event) {
	if len(events) == 0 {
		return
	}
	p.printf("\nTimeline\n")
	events = slices.Clone(events)
	for _, e := range events {
		when := "time unknown"
		if !e.NotAfter.IsZero() {
			when = "by " + stamp(e.NotAfter)
			if e.Bound == verify.Attested {
				when += " (attested)"
			}
		}
		if !e.NotBefore.IsZero() {
			when += ", not before " + stamp(e.NotBefore)
		}
		p.wrap(fmt.Sprintf("  %-13s ", e.Kind), when+", "+e.Issuer+", "+e.ID.Short())
		for _, t := range e.Tokens {
			p.wrap(strings.Repeat(" ", 16), tokenLine(t))
		}
	}
}

// tokenLine says what a token of a timestamp authority dates, or why it dates nothing.
func tokenLine(t verify.Token) string {
	line := "a timestamp"
	if t.Authority != "" {
		line = fmt.Sprintf("no later than %s by the timestamp authority %q, run by %s", stamp(t.NotAfter), t.Authority, t.Operator)
	}
	if t.Over != "" {
		line += ", over " + t.Over
	}
	if t.Idle != "" {
		line += "; it does not count: " + t.Idle
	}
	return line
}

func (p *printer) list(heading string, lines []string, none string) {
	if len(lines) == 0 {
		lines = []string{none}
	}
	p.printf("\n%s\n", heading)
	for _, l := range lines {
		p.wrap("  - ", l)
	}
}

// wrap breaks text into lines behind a lead; foreign text cannot break out of its
// line, pose as a heading or move the cursor.
func (p *printer) wrap(lead, text string) {
	indent := strings.Repeat(" ", max(2, len([]rune(lead))))
	line := lead
	empty := true
	for _, word := range strings.Fields(clean(text)) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > width {
			p.printf("%s\n", strings.TrimRight(line, " "))
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.printf("%s\n", strings.TrimRight(line, " "))
}

// clean replaces control characters, which a statement's text could use to
// rewrite what stands above it on a terminal, and marks that reverse its order.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return '\uFFFD'
		}
		return r
	}, s)
}

// Line writes a verdict on one line, for many packs at once.
func Line(w io.Writer, name string, v *verify.Verdict) error {
	notes := ""
	if v.Stale {
		notes = " STALE"
	}
	if v.Declared != "" {
		notes += " (" + clean(v.Declared) + ")"
	}
	_, err := fmt.Fprintf(w, "%-20s %-8s [%s]%s  %s\n", v.Headline, v.Level, v.Facets, notes, clean(name))
	return err
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
