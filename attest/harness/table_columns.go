package harness

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The names that columns must have, in small letters and without what stands in brackets.
var (
	tableModels = []string{"model", "name", "system", "submission", "model_name"}
	tableCounts = []string{"n", "n_total", "items", "n_items", "num_items", "samples", "n_samples", "num_samples", "test_cases", "total"}
	tableShort  = []string{"acc", "em"} // which mean other things where no column says model
	tableScore  = regexp.MustCompile(`^(accuracy|acc|exact_match|em|resolved|pass_rate|pass@1)$`)
	tableError  = regexp.MustCompile(`^(.+)_(stderr|se|standard_error)$`)
	tablePart   = regexp.MustCompile(`\([^)]*\)|%|\b(pct|percent)\b`)
)

func columnName(column string) string {
	name := strings.ToLower(strings.Trim(column, " \t\r\"\ufeff#"))
	return strings.Trim(strings.ReplaceAll(strings.TrimSpace(tablePart.ReplaceAllString(name, "")), " ", "_"), "_")
}

// isTable reports whether the names are those of models, items and scores.
func isTable(header []string) bool {
	has := func(is func(name string) bool) bool {
		return slices.ContainsFunc(header, func(column string) bool { return is(columnName(column)) })
	}
	return slices.ContainsFunc(header, isModelColumn) &&
		has(func(name string) bool { return slices.Contains(tableCounts, name) || isError(header, name) }) &&
		has(func(name string) bool { return isScore(header, name) })
}

func isModelColumn(column string) bool { return slices.Contains(tableModels, columnName(column)) }

func isScore(header []string, name string) bool {
	if slices.Contains(tableShort, name) && !slices.ContainsFunc(header, func(c string) bool { return strings.HasPrefix(columnName(c), "model") }) {
		return false
	}
	return tableScore.MatchString(name)
}

// isError reports whether a column is the standard error of a score beside it.
func isError(header []string, name string) bool {
	of := tableError.FindStringSubmatch(name)
	return of != nil && isScore(header, of[1]) && slices.ContainsFunc(header, func(c string) bool { return columnName(c) == of[1] })
}

// tableMetric is what a column is by its name, if that is known.
func tableMetric(header []string, column string) *Metric {
	name := columnName(column)
	switch of := tableError.FindStringSubmatch(name); {
	case slices.Contains(tableCounts, name):
		return &Metric{Name: column, Rule: Count}
	case isScore(header, name):
		return &Metric{Name: column, Rule: Mean, Scale: tableScale(column), Steps: 1}
	case of != nil && isScore(header, of[1]):
		for _, c := range header {
			if columnName(c) == of[1] {
				return &Metric{Name: column, Rule: StandardError, Scale: tableScale(c), Of: strings.TrimSpace(c), EitherN: true}
			}
		}
	}
	return nil
}

func tableScale(column string) float64 {
	if tablePart.MatchString(strings.ToLower(column)) && !strings.Contains(column, "(") || strings.Contains(column, "%") {
		return 100
	}
	return 1
}

// settle decides what the numbers of score columns are, and reports whether any is left:
// one that may be something else than a share of items is not judged.
func (t *Table) settle() bool {
	left := false
	for i, c := range t.Columns {
		if c.Metric == nil || c.Metric.Rule != Mean {
			continue
		}
		scale := t.shares(i)
		left = left || scale > 0
		for j, other := range t.Columns {
			if m := other.Metric; m == nil || j != i && m.Of != c.Name {
				continue
			}
			if other.Metric.Scale = scale; scale == 0 {
				t.Columns[j].Metric = nil
			}
		}
	}
	return left
}

// shares is the scale of a column of scores: 1, 100, or 0 where they may be no shares.
func (t *Table) shares(i int) float64 {
	m := t.Columns[i].Metric
	marked, above, whole := m.Scale == 100, false, true
	for _, r := range t.Rows {
		text, percent := strings.CutSuffix(r.Values[i], "%")
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			continue
		}
		if !marked && !percent && (v < 0 || v > 100) {
			return 0
		}
		marked, above, whole = marked || percent, above || v > 1, whole && !strings.Contains(text, ".")
	}
	switch {
	case !marked && whole && len(t.Rows) > 0 && columnName(m.Name) == "resolved":
		return 0
	case marked || above:
		return 100
	}
	return 1
}
