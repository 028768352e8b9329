package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/schemas"
	"github.com/proctor-attest/proctor/verify/history"
	"github.com/proctor-attest/proctor/verify/score"
)

// prepared is a reproduced number in the form in which its run can be registered and
// sealed after the fact.
type prepared struct {
	basis                    *history.Basis
	set, model               string // as commands take them
	metric                   attest.Metric
	text                     string // of the claim
	score                    string // for the table of scores
	provider, url, evaluator string
	notes                    []string

	rows       []run.Row // grades, item by item
	samples    int       // of each item
	excluded   bool      // some row
	duplicates bool      // several items have the same text
}

const noValue = "no-value" // why an item without a value takes no part in a mean

// unsafeName are characters that names of files would rather not have.
var unsafeName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func safeName(name, otherwise string) string {
	name = strings.Trim(unsafeName.ReplaceAllString(name, "-"), "-.")
	if name == "" {
		return otherwise
	}
	return name[:min(len(name), 64)]
}

// prepare checks that a claim of the number would hold. The URL is where the model is
// described, and the number published if it is in none of the files.
func prepare(b *history.Basis, row, url string) (*prepared, error) {
	r := b.Run
	p := &prepared{
		basis: b, set: safeName(cmp.Or(r.Dataset.Name, strings.Trim(r.Board, harness.AnyBoard)), "testset"), model: safeName(r.Model.Name, "model"),
		metric: metricFor(b.Metric), url: url,
	}
	if err := p.grade(max(0, slices.Index(r.Measures, b.Metric.Measure))); err != nil {
		return nil, err
	}
	if err := p.setScore(); err != nil {
		return nil, err
	}
	p.describe(row)
	return p, nil
}

// metricFor is a metric as registrations know it.
func metricFor(m harness.Metric) attest.Metric {
	out := attest.Metric{Name: "mean", Min: "0", Max: "1", Better: "higher"}
	switch {
	case m.Rule == harness.PassAtK:
		out.Name, out.Parameters = attest.PassAt, map[string]string{"k": strconv.Itoa(m.K)}
	case m.Rule == harness.PassHatK:
		out.Name, out.Parameters = attest.PassHat, map[string]string{"k": strconv.Itoa(m.K)}
	case m.Name == "accuracy" || m.Name == "exact_match":
		out.Name = m.Name
	}
	return out
}

// describe says in the claim's text what it rests on.
func (p *prepared) describe(row string) {
	b, r := p.basis, p.basis.Run
	var from []string
	for _, f := range r.Files {
		if f.Path != b.Where.Path || len(r.Files) == 1 {
			from = append(from, fileSum(history.Place{Path: f.Path, SHA256: f.SHA256}))
		}
	}
	where := p.url
	if b.Where.Path != "" {
		where = fileSum(b.Where)
	}
	items := r.Items.Len()
	p.text = fmt.Sprintf("%s %s, published in %s, recomputed after the fact from %d items in %s", row, b.Metric.Name, where, items, strings.Join(from, ", "))
	const most = 900
	if len(p.text) > most {
		p.text = fmt.Sprintf("%s %s, recomputed after the fact from %d items", row, b.Metric.Name, items)
	}
	if r.Items.ShowOutputs() {
		p.notes = append(p.notes, "the responses are committed to as digests of what the files show, as this program takes them")
	} else {
		p.notes = append(p.notes, "the files show no responses: what is committed to in their place says so")
	}
}

// grade makes a row of every sample of every item.
func (p *prepared) grade(measure int) error {
	r := p.basis.Run
	width := max(1, len(r.Measures))
	seen, inputs := map[string]bool{}, map[harness.Digest]bool{}
	for i, item := range r.Items.All() {
		key := itemKey(item, i)
		if seen[key] {
			return fmt.Errorf("item %q is there twice", key)
		}
		seen[key] = true
		p.duplicates = p.duplicates || inputs[item.Input]
		inputs[item.Input] = item.Input != (harness.Digest{})
		n := len(item.Values) / width
		if i == 0 {
			p.samples = n
		}
		if n != p.samples || n == 0 {
			return fmt.Errorf("item %q has %d samples, and the first has %d", key, n, p.samples)
		}
		for sample := range n {
			grade, err := gradeText(item, item.Values[sample*width+measure])
			if err == nil && strings.HasPrefix(grade, "excluded:") && n > 1 {
				err = errors.New("one of its samples has no value")
			}
			if err != nil {
				return fmt.Errorf("item %q: %w", key, err)
			}
			p.excluded = p.excluded || strings.HasPrefix(grade, "excluded:")
			p.rows = append(p.rows, run.Row{Item: uint64(i), Sample: uint32(sample), Grade: grade})
		}
	}
	return nil
}

// gradeText writes a value as a grade.
func gradeText(item harness.Item, value float64) (string, error) {
	if item.Excluded != "" || math.IsNaN(value) {
		return "excluded:" + noValue, nil
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if value < 0 || value > 1 {
		return "", fmt.Errorf("its value is %s, and the files do not say what range values have", text)
	}
	return text, attest.CheckDecimal(text)
}

func itemKey(item harness.Item, i int) string { return cmp.Or(item.ID, strconv.Itoa(i)) }

// denominator says what becomes of items without a value: they take no part in a mean,
// unless it is one over all that there are.
func (p *prepared) denominator() string {
	if p.excluded && p.basis.Metric.Rule != harness.MeanOfStated {
		return run.LeftOut
	}
	return run.CountedWrong
}

// longest is how many decimals a published number may have to be claimed as it is: a
// longer one came out of floating point, and its last digits are noise.
const longest = 9

// setScore writes the published number so that a claim of it holds.
func (p *prepared) setScore() error {
	recomputed, err := score.Recompute(p.rows, p.metric)
	if err != nil {
		return err
	}
	exact, err := recomputed.With(p.denominator())
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(p.basis.Published), "%"))
	_, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > longest || strings.ContainsAny(text, "eE+") {
		claimed, ok := new(big.Rat).SetString(text)
		if !ok {
			return fmt.Errorf("%q is no number", text)
		}
		const shown = 6
		p.notes = append(p.notes, fmt.Sprintf("published as %s, claimed with %d decimals", text, shown))
		text = claimed.FloatString(shown)
	}
	switch scale := p.basis.Metric.Scale; scale {
	case 0, 1:
	case 100:
		text += " %"
	default:
		return fmt.Errorf("it is published on a scale of %v, and a claim knows 1 and 100", scale)
	}
	row := tableRow{}
	if err := row.setScore(text); err != nil {
		return fmt.Errorf("published %q is no number: %w", text, err)
	}
	holds, err := score.Holds(exact, attest.Score{Score: row.score, Decimals: row.decimals, Scale: row.scale}, p.metric)
	if err != nil {
		return err
	}
	if !holds {
		return fmt.Errorf("the exact score is %s, of which %s is no rounding", exact.RatString(), text)
	}
	p.score = text
	return nil
}

func (p *prepared) writeItems(w io.Writer) error {
	for i, item := range p.basis.Run.Items.All() {
		key := itemKey(item, i)
		o := map[string]string{"id": key}
		if item.Group != "" {
			o["group"] = item.Group
		}
		if item.Input != (harness.Digest{}) {
			o["inputDigest"] = item.Input.String()
		} else {
			o["what"] = "item " + key + ", whose text the files do not show" // else all look like duplicates
		}
		if err := writeLine(w, o); err != nil {
			return err
		}
	}
	return nil
}

func (p *prepared) writeRows(w io.Writer) error {
	at := 0
	for i, item := range p.basis.Run.Items.All() {
		response := "not shown by the files"
		if item.Output != (harness.Digest{}) {
			response = "digest " + item.Output.String()
		}
		for ; at < len(p.rows) && p.rows[at].Item == uint64(i); at++ {
			row := p.rows[at]
			o := map[string]any{"id": itemKey(item, i), "sample": row.Sample, "grade": row.Grade}
			if _, out := row.Excluded(); !out {
				o["response"] = response
			}
			if err := writeLine(w, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

func (p *prepared) writeModel(w io.Writer) error {
	return writeLine(w, map[string]string{"provider": p.provider, "url": p.url, "model": cmp.Or(p.basis.Run.Model.Name, p.model)})
}

// writeConfig says "unknown" of all that the files do not say.
func (p *prepared) writeConfig(w io.Writer) error {
	names, err := schemas.Members("configuration")
	if err != nil {
		return err
	}
	config := map[string]any{}
	for _, name := range names {
		config[name] = "unknown"
	}
	r := p.basis.Run
	config["harness"] = map[string]string{"name": r.Format, "version": cmp.Or(r.Version, "unknown")}
	config["exclusions"], config["denominator"] = []string{}, p.denominator()
	if p.excluded {
		config["exclusions"] = []string{noValue}
	}
	// Whoever commits to a model stands as its lab, and here that is the evaluator.
	config["relation"], config["evaluator"], config["variant"] = "first-party", p.evaluator, cmp.Or(r.Model.Name, p.model)
	data, err := json.MarshalIndent(config, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

func (p *prepared) writeScores(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"label", "score", "result"}, {p.basis.Metric.Name, p.score, p.model + "." + p.set + ".result.proctor"}}
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}
