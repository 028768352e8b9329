package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// What the report prints; --near-out has the rest.
const (
	nearGroups = 20
	nearItems  = 5
)

func checkNear(c *cli.Context) error {
	if !c.Bool("near") {
		if c.IsSet("near-threshold") || c.IsSet("near-out") {
			return usagef("--near-threshold and --near-out go with --near")
		}
		return nil
	}
	if c.Bool("next") {
		return usagef("--near looks at a whole set: run it on the file of all items, with --dry-run")
	}
	if t := c.Float64("near-threshold"); !(t >= 0.5 && t <= 1) {
		return usagef("--near-threshold %v: want 0.5 to 1", t)
	}
	if out := c.String("near-out"); out != "" {
		return newFile(out)
	}
	return nil
}

// reportNear tells of items that are nearly the same; the owner decides.
func (e *env) reportNear(c *cli.Context, src testset.Source, shape testset.Shape) error {
	bar := e.progress(c, "comparing", fileSize(src.Name))
	report, err := testset.Near(c.Context, src, shape, testset.NearOptions{Threshold: c.Float64("near-threshold"), Progress: bar.rows})
	bar.done()
	if err != nil {
		return err
	}
	e.printNear(report)
	out := c.String("near-out")
	if out == "" {
		return nil
	}
	return durable.Write(out, 0o600, func(w io.Writer) error { return writeNear(w, report) })
}

func (e *env) printNear(report *testset.NearReport) {
	var b strings.Builder
	items := 0
	for _, g := range report.Groups {
		items += len(g.Items)
	}
	if items == 0 {
		fmt.Fprintf(e.stderr, "near-duplicates: none of %d items has %g or more of its word shingles in common with another\n", report.Items, report.Threshold)
		return
	}
	fmt.Fprintf(&b, "near-duplicates: %d of %d items, in %d group(s), have %g or more of their word shingles in common with another\n", items, report.Items, len(report.Groups), report.Threshold)
	for i, g := range report.Groups {
		if i == nearGroups {
			fmt.Fprintf(&b, "  and %d more groups; --near-out FILE writes all\n", len(report.Groups)-i)
			break
		}
		fmt.Fprintf(&b, "  %d items\n", len(g.Items))
		for j, item := range g.Items {
			if j == nearItems {
				fmt.Fprintf(&b, "    and %d more\n", len(g.Items)-j)
				break
			}
			fmt.Fprintf(&b, "    row %d, key %s: %.3f of row %d\n", item.Row, printable(string(item.Key)), item.Similarity, item.Like)
		}
	}
	io.WriteString(e.stderr, b.String())
}

// writeNear writes a group a line.
func writeNear(w io.Writer, report *testset.NearReport) error {
	type item struct {
		Row        int             `json:"row"`
		Key        json.RawMessage `json:"key"`
		Like       int             `json:"like"`
		Similarity float64         `json:"similarity"`
	}
	buf := bufio.NewWriter(w)
	for _, g := range report.Groups {
		line := struct {
			Items []item `json:"items"`
		}{}
		for _, i := range g.Items {
			line.Items = append(line.Items, item{i.Row, json.RawMessage(i.Key), i.Like, i.Similarity})
		}
		data, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if _, err := buf.Write(append(data, '\n')); err != nil {
			return err
		}
	}
	return buf.Flush()
}
