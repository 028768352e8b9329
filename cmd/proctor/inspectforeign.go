package main

import (
	"cmp"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/verify/foreign"
)

// inspectReading shows what evidence of others says of itself.
func (e *env) inspectReading(c *cli.Context, r *foreign.Reading) error {
	if c.Bool("json") {
		out := map[string]any{"kind": r.Kind, "says": append([]foreign.Member{}, r.Says...), "found": append([]string{}, r.Found...), "lacks": append([]string{}, r.Lacks...)}
		if r.Broken != nil {
			out["broken"] = r.Broken.Error()
		}
		return e.printJSON(out)
	}
	fmt.Fprintln(e.stderr, "What follows is what the file says. No signature in it was checked.")
	s := sheet{e}
	s.head(r.Kind)
	if r.Broken != nil {
		s.line("breaks", r.Broken.Error())
	}
	for _, m := range r.Says {
		s.line(m.Name, m.Value)
	}
	for _, f := range r.Found {
		s.line("note", f)
	}
	for _, l := range r.Lacks {
		s.line("lacks", l)
	}
	return nil
}

// inspectResults shows what evaluators left in a file or folder; it reports false where
// no importer knows it.
func (e *env) inspectResults(c *cli.Context, name string) (bool, error) {
	fsys, paths, err := openTrees([]string{name}, nil)
	if err != nil {
		return false, err
	}
	defer fsys.close()
	im, known, err := recognised(fsys, paths[0])
	if err != nil || !known {
		return false, err
	}
	in, err := harness.Import(e.ctx, fsys, paths, func(int64) {})
	if err != nil {
		return true, err
	}
	if len(in.Runs)+len(in.Tables)+len(in.Weights)+len(in.Battles)+len(in.Refused) == 0 {
		return false, nil
	}
	if len(in.Runs)+len(in.Tables)+len(in.Weights)+len(in.Battles) == 0 {
		r := in.Refused[0]
		return true, fmt.Errorf("%s: looks like %s (\"proctor help formats\"), and is none that can be read: %s", r.File.Path, cmp.Or(r.Format, "a file of results"), r.Reason)
	}
	if c.Bool("json") {
		return true, e.inspectedJSON(im, in)
	}
	fmt.Fprintln(e.stderr, "What follows is what the files say. Nothing was recomputed: \"proctor audit scores\" does that.")
	e.showResults(im, in)
	return true, nil
}

// recognised is the importer of a file, and none for a folder, of whose files each has
// its own.
func recognised(fsys fs.FS, name string) (im harness.Importer, known bool, err error) {
	info, err := fs.Stat(fsys, name)
	if err != nil || info.IsDir() {
		return im, err == nil, err
	}
	return harness.Recognise(fsys, name)
}

// inspectedRun is what a run says of itself.
type inspectedRun struct {
	Format     string            `json:"format"`
	Version    string            `json:"version,omitempty"`
	Table      string            `json:"table,omitempty"`
	Row        string            `json:"row,omitempty"`
	Model      string            `json:"model"`
	Revision   string            `json:"revision,omitempty"`
	Digest     string            `json:"digest,omitempty"`
	Dataset    string            `json:"dataset"`
	SetVersion string            `json:"datasetVersion,omitempty"`
	Split      string            `json:"split,omitempty"`
	Said       int               `json:"saidItems,omitempty"`
	Items      int               `json:"items"`
	Measures   []string          `json:"measures"`
	States     []inspectedNumber `json:"states"`
	Notices    []inspectedNotice `json:"notices"`
	Absent     []string          `json:"absent"`
}

type inspectedNumber struct {
	Metric string `json:"metric"`
	Value  string `json:"value"`
	Rule   string `json:"rule,omitempty"`
}

type inspectedNotice struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

type inspectedTable struct {
	Format  string     `json:"format"`
	Table   string     `json:"table,omitempty"`
	Date    string     `json:"date,omitempty"`
	Columns []string   `json:"columns"`
	Entries []string   `json:"entries"`
	Values  [][]string `json:"values"`
}

func (e *env) inspectedJSON(im harness.Importer, in *harness.Imported) error {
	runs, tables, refused := []inspectedRun{}, []inspectedTable{}, map[string]string{}
	for _, r := range in.Runs {
		runs = append(runs, inspectRun(r))
	}
	for _, t := range in.Tables {
		out := inspectedTable{Format: t.Format, Table: t.Board, Date: t.Date, Columns: columnNames(t), Entries: []string{}, Values: [][]string{}}
		for _, row := range t.Rows {
			out.Entries, out.Values = append(out.Entries, row.Entry), append(out.Values, row.Values)
		}
		tables = append(tables, out)
	}
	battles := []inspectedBattles{}
	for _, b := range in.Battles {
		battles = append(battles, inspectBattles(b))
	}
	for _, r := range in.Refused {
		refused[r.File.Path] = r.Reason
	}
	return e.printJSON(map[string]any{"importer": im.Name, "runs": runs, "tables": tables, "battles": battles, "refused": refused})
}

func inspectRun(r *harness.Run) inspectedRun {
	out := inspectedRun{
		Format: r.Format, Version: r.Version, Table: r.Board, Row: r.Entry, Model: r.Model.Name, Revision: r.Model.Revision, Digest: r.Model.Digest,
		Dataset: r.Dataset.Name, SetVersion: r.Dataset.Version, Split: r.Dataset.Split, Said: r.Dataset.Items, Items: r.Items.Len(),
		Measures: append([]string{}, r.Measures...), States: []inspectedNumber{}, Notices: []inspectedNotice{}, Absent: append([]string{}, r.Absent...),
	}
	for _, a := range r.Aggregates {
		out.States = append(out.States, inspectedNumber{a.Name, a.Value, string(a.Rule)})
	}
	for _, n := range r.Notices {
		out.Notices = append(out.Notices, inspectedNotice{n.Finding, n.Detail})
	}
	return out
}

func columnNames(t *harness.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}
