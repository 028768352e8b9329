package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/proctor-attest/proctor/attest/model/diff"
)

//go:embed diff.html.tmpl
var diffTemplate string

var diffPage = template.Must(template.New("diff").Parse(diffTemplate))

type diffView struct {
	Headline, Class string
	Sides           []sideView
	Roles           []roleView
	Weights         string
	Strip           *stripView
	Changes         []change
	Files           []fileView
	JSON            []jsonView
	Template        []lineView
	Unknown         []string
	Limits          string
}

type sideView struct{ Which, Kind, Name, ID string }

type roleView struct{ Name, State, Class, First, Second string }

type fileView struct{ Path, State, Where string }

type jsonView struct {
	Path    string
	Members []memberView
	More    int
	Text    []lineView
}

type memberView struct{ Pointer, First, Second, Note string }

type lineView struct{ Class, Text string }

// stripView draws one bar for each layer, as high as the share of its parameters that
// is in tensors that differ.
type stripView struct {
	Width int
	Bars  []barView
}

type barView struct {
	X           int
	Y, Height   string
	Name, Share string
	Tensors     string
	Differs     bool
}

const (
	barWidth    = 14
	stripHeight = 80
	mostBars    = 400
)

// DiffHTML writes what differs between two models as one page that needs nothing else:
// no program, no network. Nothing that stands in a file is markup in it.
func DiffHTML(w io.Writer, r *diff.Report) error { return diffPage.Execute(w, viewDiff(r)) }

func viewDiff(r *diff.Report) diffView {
	v := diffView{Headline: diffHeadlines[r.Answer], Class: string(r.Answer), Limits: diffLimits, Template: viewLines(r.Template)}
	for i, s := range []diff.Subject{r.First, r.Second} {
		side := sideView{Which: []string{"first", "second"}[i], Kind: s.Kind, Name: clean(s.Name), ID: "not known"}
		if s.ModelID != nil {
			side.ID = s.ModelID.String()
		}
		v.Sides = append(v.Sides, side)
	}
	for _, o := range r.Roles {
		role := roleView{Name: o.Role, State: string(o.State), Class: stateClass(o.State), First: "–", Second: "–"}
		if o.First != nil {
			role.First = o.First.String()
		}
		if o.Second != nil {
			role.Second = o.Second.String()
		}
		v.Roles = append(v.Roles, role)
	}
	if r.Weights != nil {
		v.Weights = weightsSummary(r.Weights)
		v.Strip = strip(r.Weights)
		v.Changes = changes(r.Weights)
		for i := range v.Changes {
			c := &v.Changes[i]
			c.More = max(0, len(c.Lines)-mostListed)
			c.Lines = c.Lines[:len(c.Lines)-c.More]
		}
	}
	for _, f := range r.Files {
		v.Files = append(v.Files, fileView{clean(f.Path), string(f.State), f.Role})
	}
	for _, d := range r.JSON {
		v.JSON = append(v.JSON, viewJSON(d))
	}
	for _, u := range r.Unknown {
		v.Unknown = append(v.Unknown, clean(u))
	}
	return v
}

func stateClass(s diff.State) string {
	switch s {
	case diff.Equal:
		return "same"
	case diff.Unknown:
		return "unknown"
	}
	return "different"
}

// strip leaves out a model of a single layer, and the layers after the first mostBars:
// the list of changes has them.
func strip(w *diff.Weights) *stripView {
	if len(w.Layers) < 2 {
		return nil
	}
	s := &stripView{}
	for i, l := range w.Layers[:min(len(w.Layers), mostBars)] {
		height := stripHeight * l.Share()
		if l.Different.Tensors > 0 {
			height = max(height, 3) // to be seen
		}
		s.Bars = append(s.Bars, barView{
			X: i * barWidth, Y: fmt.Sprintf("%.1f", stripHeight-height), Height: fmt.Sprintf("%.1f", height),
			Name: clean(l.Name), Share: share(l.Different.Parameters, l.All.Parameters),
			Tensors: fmt.Sprintf("%d of %s", l.Different.Tensors, plural(l.All.Tensors, "tensor")), Differs: l.Different.Tensors > 0,
		})
	}
	s.Width = len(s.Bars) * barWidth
	return s
}

func viewJSON(d diff.JSON) jsonView {
	v := jsonView{Path: clean(d.Path), Text: viewLines(d.Text), More: max(0, len(d.Members)-mostListed)}
	for _, m := range d.Members[:len(d.Members)-v.More] {
		value := func(raw []byte) string {
			if len(raw) == 0 {
				return "absent"
			}
			return short(clean(string(raw)), 400)
		}
		v.Members = append(v.Members, memberView{clean(pointer(m.Pointer)), value(m.First), value(m.Second), m.Note})
	}
	return v
}

func viewLines(text string) (lines []lineView) {
	for line := range strings.Lines(text) {
		class := ""
		switch line[0] {
		case '+':
			class = "plus"
		case '-':
			class = "minus"
		case '@':
			class = "soft"
		}
		lines = append(lines, lineView{class, clean(strings.TrimSuffix(line, "\n"))})
	}
	return lines[:min(len(lines), mostListed)]
}
