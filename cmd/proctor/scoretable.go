package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// tableRow is one line of a table of scores as its author wrote it.
type tableRow struct {
	line     int
	label    string
	score    string // decimal without trailing zeros
	decimals int    // as written
	scale    string
	result   string // pack, id or name
	regrade  string // the same of a regrade whose grades count; empty: the result's do
	variant  string
}

// readTable reads a CSV file with a header of label, score, result and, if wanted,
// regrade and variant. A score that ends in % is on a scale of 100.
func readTable(name string) ([]tableRow, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	column := func(what string) int { return slices.Index(header, what) }
	if column("label") < 0 || column("score") < 0 || column("result") < 0 {
		return nil, withHint(fmt.Errorf("%s: columns are %q", name, header), `want a first line "label,score,result" (and "variant" where rows are of different models, "regrade" where grades were corrected)`)
	}
	for _, h := range header {
		if !slices.Contains([]string{"label", "score", "result", "regrade", "variant"}, h) {
			return nil, fmt.Errorf("%s: unknown column %q", name, h)
		}
	}
	var rows []tableRow
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		row := tableRow{line: line, label: record[column("label")], result: record[column("result")]}
		if at := column("regrade"); at >= 0 {
			row.regrade = record[at]
		}
		if at := column("variant"); at >= 0 {
			row.variant = record[at]
		}
		if err := row.setScore(record[column("score")]); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", name, line, err)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", name)
	}
	return rows, nil
}

// setScore keeps how many decimals were published: 71.0 says more than 71.
func (r *tableRow) setScore(text string) error {
	r.scale = "1"
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutSuffix(text, "%"); ok {
		r.scale, text = "100", strings.TrimSpace(rest)
	}
	whole, frac, _ := strings.Cut(text, ".")
	r.decimals = len(frac)
	frac = strings.TrimRight(frac, "0")
	r.score = whole
	if frac != "" {
		r.score += "." + frac
	}
	if r.score == "-0" {
		r.score = "0"
	}
	_, err := attest.ParseDecimal(r.score)
	return err
}
