package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// How much of what evaluators leave is written out; --json has the rest.
const (
	mostRuns   = 20
	mostStated = 12
	mostRows   = 5
)

func (e *env) showResults(im harness.Importer, in *harness.Imported) {
	s := sheet{e}
	if im.Name != "" {
		s.head("read as " + im.Name)
	}
	for _, r := range in.Runs[:min(len(in.Runs), mostRuns)] {
		s.run(r)
	}
	s.more(len(in.Runs)-mostRuns, "run")
	for _, t := range in.Tables[:min(len(in.Tables), mostRuns)] {
		s.table(t)
	}
	s.more(len(in.Tables)-mostRuns, "table")
	for _, w := range in.Weights[:min(len(in.Weights), mostRuns)] {
		s.head("parameters of " + w.Format)
		s.line("rows", fmt.Sprint(len(w.Rows)))
	}
	for _, b := range in.Battles[:min(len(in.Battles), mostRuns)] {
		s.battles(b)
	}
	s.more(len(in.Battles)-mostRuns, "log")
	for _, r := range in.Refused[:min(len(in.Refused), mostRuns)] {
		s.head("not read: " + r.File.Path)
		s.line("because", r.Reason)
	}
}

// sheet writes names and values of which none can pose as another line.
type sheet struct{ e *env }

func (s sheet) head(text string) { fmt.Fprintln(s.e.stdout, printable(spaced(text))) }

func (s sheet) line(name, value string) {
	if value != "" {
		fmt.Fprintf(s.e.stdout, "  %-12s %s\n", name, printable(spaced(value)))
	}
}

func (s sheet) more(n int, what string) {
	if n > 0 {
		s.head(fmt.Sprintf("and %d more %ss, which --json has", n, what))
	}
}

func spaced(text string) string { return strings.Join(strings.Fields(text), " ") }

func (s sheet) run(r *harness.Run) {
	s.head(strings.TrimSpace("run of " + r.Format + " " + r.Version))
	s.line("row", strings.Trim(r.Board+": "+r.Entry, ": "))
	s.line("date", r.Date)
	s.line("model", cmp.Or(r.Model.Name, "none is named"))
	s.line("revision", r.Model.Revision)
	s.line("digest", r.Model.Digest)
	s.line("data set", cmp.Or(r.Dataset.Name, "none is named"))
	s.line("version", r.Dataset.Version)
	s.line("split", r.Dataset.Split)
	if r.Dataset.Items > 0 {
		s.line("said to have", fmt.Sprintf("%d items", r.Dataset.Items))
	}
	s.line("judge", r.Judge)
	s.line("items", itemsLine(r))
	for _, a := range r.Aggregates[:min(len(r.Aggregates), mostStated)] {
		said := fmt.Sprintf("%s = %s", a.Name, a.Value)
		if a.Rule != harness.Unknown {
			said += fmt.Sprintf(" (%s)", a.Rule)
		}
		s.line("states", said)
	}
	s.more(len(r.Aggregates)-mostStated, "stated number")
	for _, n := range r.Notices {
		s.line("notice", n.Finding+": "+n.Detail)
	}
	for _, a := range r.Absent {
		s.line("absent", a)
	}
}

func itemsLine(r *harness.Run) string {
	n := r.Items.Len()
	if n == 0 {
		return "none"
	}
	text := fmt.Sprintf("%d with an outcome each", n)
	if len(r.Measures) > 0 {
		text += ": " + strings.Join(r.Measures, ", ")
	}
	return text
}

func (s sheet) table(t *harness.Table) {
	s.head(strings.TrimSpace("table of " + t.Format + " " + t.Version))
	s.line("table", t.Board)
	s.line("date", t.Date)
	columns := columnNames(t)
	s.line("columns", strings.Join(columns, ", "))
	s.line("rows", fmt.Sprint(len(t.Rows)))
	for _, r := range t.Rows[:min(len(t.Rows), mostRows)] {
		var values []string
		for i, v := range r.Values {
			if v != "" && i < len(columns) {
				values = append(values, columns[i]+" "+v)
			}
		}
		s.line("row", r.Entry+": "+strings.Join(values, ", "))
	}
	s.more(len(t.Rows)-mostRows, "row")
	for _, n := range t.Notices {
		s.line("notice", n.Finding+": "+n.Detail)
	}
}
