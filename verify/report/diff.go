package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/model/diff"
)

// How much of each kind of difference is written out; the rest is counted.
const (
	mostTensors = 20
	mostMembers = 20
	mostLines   = 200 // of a text
	mostValue   = 60  // characters
)

// What a comparison of bytes cannot tell.
const diffLimits = "Equal modelIDs mean the same bytes of weights, configuration, tokenizer, chat template and code. Nothing here says who made or serves a model, what it was trained on, or how differently two models answer."

var diffHeadlines = map[diff.Answer]string{
	diff.Same:      "SAME MODEL",
	diff.Different: "DIFFERENT MODELS",
	diff.Undecided: "UNDECIDED",
}

// Diff writes in plain text what differs between two models.
func Diff(w io.Writer, r *diff.Report) error {
	p := &printer{w: bufio.NewWriter(w)}
	p.printf("%s\n\n", diffHeadlines[r.Answer])
	p.subject("first", r.First)
	p.subject("second", r.Second)
	if len(r.Roles) > 0 {
		p.printf("\n")
	}
	for _, o := range r.Roles {
		p.printf("  %-18s %s\n", clean(o.Role), o.State)
	}
	if r.Weights != nil && r.Weights.Different().Tensors > 0 {
		p.weights(r.Weights)
	}
	p.files(r.Files)
	for _, d := range r.JSON {
		p.jsonDiff(d)
	}
	if r.Template != "" {
		p.printf("\nchat template\n")
		p.text(r.Template)
	}
	if len(r.Unknown) > 0 {
		p.list("not compared", r.Unknown, "")
	}
	p.printf("\n")
	p.wrap("", diffLimits)
	return p.w.Flush()
}

func (p *printer) subject(which string, s diff.Subject) {
	id := "no modelID is known"
	if s.ModelID != nil {
		id = "modelID " + s.ModelID.String()
	}
	p.field(which, fmt.Sprintf("%s %s", s.Kind, clean(s.Name)))
	p.field("", id)
	for _, u := range s.Uncovered {
		p.field("", "its modelID leaves out "+clean(u))
	}
}

// weightsSummary is for the text and the page.
func weightsSummary(w *diff.Weights) string {
	n := w.Different()
	all := n.Parameters + w.Same.Parameters
	return fmt.Sprintf("%s against %d: %d the same, %d different, with %s of the parameters", plural(w.First.Tensors, "tensor"),
		w.Second.Tensors, w.Same.Tensors, n.Tensors, share(n.Parameters, all))
}

// share writes a part as a percentage that is 0 or 100 only where it is all or nothing.
func share(k, n uint64) string {
	switch p := 100 * float64(k) / float64(max(n, 1)); {
	case k == 0:
		return "0 %"
	case k >= n:
		return "100 %"
	case p < 0.01:
		return "less than 0.01 %"
	case p > 99.99:
		return "more than 99.99 %"
	default:
		return fmt.Sprintf("%.2f %%", p)
	}
}

// change is one kind of what became of tensors, in words.
type change struct {
	Name, Meaning string
	Lines         []string
	More          int // lines that are left out
}

// Count is how many tensors the change is of.
func (c change) Count() int { return len(c.Lines) + c.More }

func changes(w *diff.Weights) []change {
	var casts []string
	for _, p := range w.Cast {
		a, b := p.First, p.Second
		casts = append(casts, fmt.Sprintf("%s  %s %v → %s %v%s", clean(a.Name), a.DType, a.Shape, b.DType, b.Shape, castWords(p.Values)))
	}
	pairs := func(in []diff.Pair, line func(a, b model.Tensor) string) (lines []string) {
		for _, p := range in {
			lines = append(lines, line(p.First, p.Second))
		}
		return lines
	}
	singles := func(in []model.Tensor) (lines []string) {
		for _, t := range in {
			lines = append(lines, fmt.Sprintf("%s  %s %v", clean(t.Name), t.DType, t.Shape))
		}
		return lines
	}
	all := []change{
		{Name: "changed", Meaning: "other bytes, of the same dtype and shape", Lines: pairs(w.Changed, func(a, _ model.Tensor) string {
			return fmt.Sprintf("%s  %s %v", clean(a.Name), a.DType, a.Shape)
		})},
		{Name: "cast", Meaning: "another dtype", Lines: casts},
		{Name: "reshaped", Meaning: "another shape", Lines: pairs(w.Reshaped, func(a, b model.Tensor) string {
			bytes := "other bytes"
			if a.SHA256 == b.SHA256 {
				bytes = "the same bytes"
			}
			return fmt.Sprintf("%s  %v → %v, %s", clean(a.Name), a.Shape, b.Shape, bytes)
		})},
		{Name: "renamed", Meaning: "the same but for the name", Lines: pairs(w.Renamed, func(a, b model.Tensor) string {
			return clean(a.Name) + " → " + clean(b.Name)
		})},
		{Name: "removed", Meaning: "only in the first", Lines: singles(w.Removed)},
		{Name: "added", Meaning: "only in the second", Lines: singles(w.Added)},
	}
	out := all[:0]
	for _, c := range all {
		if len(c.Lines) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// castWords says what a cast did to the values, if that is known.
func castWords(v *diff.Values) string {
	switch {
	case v == nil:
		return ""
	case v.Equal == v.Elements:
		return ": values equal"
	case v.Equal+v.FirstRounded == v.Elements:
		return fmt.Sprintf(": rounded to nearest, which changes %d of %s", v.FirstRounded, plural(int(v.Elements), "element"))
	case v.Equal+v.SecondRounded == v.Elements:
		return fmt.Sprintf(": the first is the second rounded to nearest, which changes %d of %s", v.SecondRounded, plural(int(v.Elements), "element"))
	}
	return fmt.Sprintf(": %d of %s differ from round-to-nearest", v.Different+min(v.FirstRounded, v.SecondRounded), plural(int(v.Elements), "element"))
}

func (p *printer) weights(w *diff.Weights) {
	p.printf("\n")
	p.wrap("", "weights: "+weightsSummary(w))
	for _, c := range changes(w) {
		p.printf("\n%s: %d (%s)\n", c.Name, len(c.Lines), c.Meaning)
		for _, line := range c.Lines[:min(len(c.Lines), mostTensors)] {
			p.printf("  %s\n", line)
		}
		p.more(len(c.Lines) - mostTensors)
	}
	if len(w.Layers) < 2 {
		return
	}
	p.printf("\nby layer, the parameters in tensors that differ\n")
	same := 0
	for _, l := range w.Layers {
		if l.Different.Tensors == 0 {
			same++
			continue
		}
		p.printf("  %8s  %s: %d of %s\n", fmt.Sprintf("%.1f %%", 100*l.Share()), clean(l.Name), l.Different.Tensors, plural(l.All.Tensors, "tensor"))
	}
	if same > 0 {
		p.printf("  %8s  %s\n", "0 %", plural(same, "layer")+" without a difference")
	}
}

func (p *printer) more(n int) {
	if n > 0 {
		p.printf("  and %d more, which --json has\n", n)
	}
}

// files lists those outside the weights: which tensors are in which file does not
// matter.
func (p *printer) files(all []diff.File) {
	var lines []string
	for _, f := range all {
		if f.Role == "weights" {
			continue
		}
		where := "outside the modelID"
		if f.Role != "" {
			where = f.Role
		}
		lines = append(lines, fmt.Sprintf("%s  %s (%s)", clean(f.Path), f.State, where))
	}
	if len(lines) == 0 {
		return
	}
	p.printf("\nfiles that are not surely the same\n")
	for _, line := range lines[:min(len(lines), mostTensors)] {
		p.printf("  %s\n", line)
	}
	p.more(len(lines) - mostTensors)
}

func (p *printer) jsonDiff(d diff.JSON) {
	p.printf("\n%s\n", clean(d.Path))
	if d.Text != "" {
		p.text(d.Text)
		return
	}
	if len(d.Members) == 0 {
		p.printf("  the same values, spelled in another way\n")
	}
	for _, m := range d.Members[:min(len(d.Members), mostMembers)] {
		p.printf("  %s  %s\n", clean(pointer(m.Pointer)), memberChange(m))
	}
	p.more(len(d.Members) - mostMembers)
}

func pointer(s string) string {
	if s == "" {
		return "the whole file"
	}
	return s
}

func memberChange(m diff.Member) string {
	value := func(raw []byte) string {
		if len(raw) == 0 {
			return "absent"
		}
		return short(clean(string(raw)), mostValue)
	}
	if m.Note != "" {
		return m.Note
	}
	return value(m.First) + " → " + value(m.Second)
}

func (p *printer) text(s string) {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for _, line := range lines[:min(len(lines), mostLines)] {
		p.printf("  %s\n", clean(line))
	}
	p.more(len(lines) - mostLines)
}
